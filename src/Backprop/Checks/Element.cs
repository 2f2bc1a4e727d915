using System.Numerics;

namespace Backprop.Checks;

/// <summary>The element types the library computes in: <see cref="float"/> and <see cref="double"/>.</summary>
internal static class Element
{
    /// <summary>Refuses every other type, once, where an object is made. The JIT folds the test away.</summary>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is neither float nor double.</exception>
    internal static void Require<T>()
    {
        if (typeof(T) != typeof(float) && typeof(T) != typeof(double))
            throw new NotSupportedException($"Backprop computes in float or double; {typeof(T).Name} is not supported.");
    }

    /// <summary>A hyperparameter, a double everywhere in the API, in the element type: rounded once.</summary>
    internal static T From<T>(double value) where T : IFloatingPointIeee754<T> => T.CreateSaturating(value);
}

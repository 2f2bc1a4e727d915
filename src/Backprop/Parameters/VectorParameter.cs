using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A parameter with one dimension, such as a bias.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class VectorParameter<T> : Parameter<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>Makes a parameter of zeros.</summary>
    /// <param name="name">The name within its layer.</param>
    /// <param name="count">How many values, at least 1.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is below 1.</exception>
    public VectorParameter(string name, int count) : this(name, Zeros(name, count), Zeros(name, count)) { }

    private VectorParameter(string name, Vector<T> value, Vector<T> gradient)
        : base(name, [value.Count], value.AsArray(), gradient.AsArray()) => (Value, Gradient) = (value, gradient);

    /// <summary>The values; change them in place.</summary>
    public Vector<T> Value { get; }

    /// <summary>The gradient of the loss with respect to <see cref="Value"/>, summed over all backward passes since it was last zeroed.</summary>
    public Vector<T> Gradient { get; }

    private static Vector<T> Zeros(string name, int count)
    {
        Element.Require<T>();
        return Vector<T>.Build.Dense(Expect.Positive(name, count, nameof(count)));
    }
}

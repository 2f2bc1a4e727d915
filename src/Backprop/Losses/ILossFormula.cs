using System.Numerics;

namespace Backprop;

/// <summary>The two lines that an <see cref="ElementwiseLoss{T}"/> is: the loss of one entry and its derivative, over vectors of any width.</summary>
/// <remarks>A readonly struct whose methods have <c>[MethodImpl(MethodImplOptions.AggressiveInlining)]</c>: they become the loops' bodies. Constants are fields of the struct.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public interface ILossFormula<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>l(p, t).</summary>
    /// <param name="p">The prediction.</param>
    /// <param name="t">The target.</param>
    V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T>;

    /// <summary>dl/dp.</summary>
    /// <param name="p">The prediction.</param>
    /// <param name="t">The target.</param>
    V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T>;
}

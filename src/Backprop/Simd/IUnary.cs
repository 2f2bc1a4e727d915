using System.Numerics;

namespace Backprop;

/// <summary>A function of one number, to be applied to whole spans by <see cref="Vectorized"/>.</summary>
/// <remarks>A readonly struct whose <c>Invoke</c> has <c>[MethodImpl(MethodImplOptions.AggressiveInlining)]</c>: it becomes the loop's body. Constants are fields of the struct.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public interface IUnary<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The function's value.</summary>
    /// <param name="x">The number.</param>
    V Invoke<V>(V x) where V : unmanaged, IVector<V, T>;
}

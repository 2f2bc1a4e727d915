using System.Numerics;

namespace Backprop;

/// <summary>A function of two numbers, to be applied to whole spans by <see cref="Vectorized"/>.</summary>
/// <remarks>A readonly struct whose <c>Invoke</c> has <c>[MethodImpl(MethodImplOptions.AggressiveInlining)]</c>: it becomes the loop's body. Constants are fields of the struct.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public interface IBinary<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The function's value.</summary>
    /// <param name="x">A number.</param>
    /// <param name="y">A number.</param>
    V Invoke<V>(V x, V y) where V : unmanaged, IVector<V, T>;
}

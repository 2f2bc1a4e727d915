using System.Numerics;

namespace Backprop;

/// <summary>A function of three numbers, to be applied to whole spans by <see cref="Vectorized"/>.</summary>
/// <remarks>A readonly struct whose <c>Invoke</c> has <c>[MethodImpl(MethodImplOptions.AggressiveInlining)]</c>: it becomes the loop's body. Constants are fields of the struct.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public interface ITernary<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The function's value.</summary>
    /// <param name="x">A number.</param>
    /// <param name="y">A number.</param>
    /// <param name="z">A number.</param>
    V Invoke<V>(V x, V y, V z) where V : unmanaged, IVector<V, T>;
}

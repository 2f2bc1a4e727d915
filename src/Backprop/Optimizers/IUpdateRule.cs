using System.Numerics;

namespace Backprop;

/// <summary>How an optimizer moves one value: its formula, written once for vectors of any width.</summary>
/// <remarks>
/// <para>Write it as a readonly struct and give <see cref="Apply"/> <c>[MethodImpl(MethodImplOptions.AggressiveInlining)]</c>: then it becomes a part of the loop
/// that <see cref="UpdateStep{T}.Apply"/> runs over all values.</para>
/// <para>Hyperparameters are fields of type double; where they meet a <c>V</c> they are rounded to the element type, as PyTorch rounds its scalars.
/// Without a fused multiply-add in the formula a step has the same bits on processors with and without one.</para>
/// </remarks>
/// <example>
/// <code>
/// private readonly struct Heavy(double lr, double mu) : IUpdateRule&lt;float&gt;
/// {
///     public static int Buffers => 1;
///
///     [MethodImpl(MethodImplOptions.AggressiveInlining)]
///     public void Apply&lt;V&gt;(V g, ref V p, ref V buf, ref V _, ref V __) where V : unmanaged, IVector&lt;V, float&gt;
///     {
///         buf = mu * buf + g;
///         p -= lr * buf;
///     }
/// }
/// </code>
/// </example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public interface IUpdateRule<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>How many of the three buffers the formula uses: a constant, so that what is not used costs nothing.</summary>
    static abstract int Buffers { get; }

    /// <summary>Moves p along its gradient g, and its buffers with it.</summary>
    /// <param name="g">The gradient, with its sign changed for a climb and with the coupled weight decay in it.</param>
    /// <param name="p">The value; it has decayed already where the weight decay is decoupled.</param>
    /// <param name="a">Its first buffer; 0 if there is none. Likewise the others.</param>
    /// <param name="b">Its second one.</param>
    /// <param name="c">Its third one.</param>
    void Apply<V>(V g, ref V p, ref V a, ref V b, ref V c) where V : unmanaged, IVector<V, T>;
}

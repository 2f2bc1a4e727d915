using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>
/// The squared error near the target, the absolute error far from it: of d = p - t, l = d^2 / 2 where |d| &lt;= delta, else delta (|d| - delta/2).
/// </summary>
/// <remarks>
/// <para>Derivative: dl/dp = d, held within [-delta, delta]. CHAIN-RULE.md, "HuberLoss".</para>
/// <para>It is delta times <see cref="SmoothL1Loss{T}"/> with beta = delta. Twin:
/// <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.HuberLoss.html">torch.nn.HuberLoss</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class HuberLoss<T> : VectorizedLoss<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes the loss.</summary>
    /// <param name="reduction">Mean or sum.</param>
    /// <param name="delta">The error at which the parabola meets the straight line; above 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">Delta is not above 0, infinite or NaN.</exception>
    public HuberLoss(Reduction reduction = Reduction.Mean, double delta = 1)
        : base(Of(new Huber(T.CreateSaturating(Expect.AboveZero("HuberLoss", delta)))), reduction) => Delta = delta;

    /// <summary>The error at which the parabola meets the straight line.</summary>
    public double Delta { get; }

    /// <inheritdoc/>
    protected override string Entry => "(|d| <= delta ? d^2 / 2 : delta (|d| - delta/2)), d = p - t";

    /// <inheritdoc/>
    protected override string EntryDerivative => "clamp(d, -delta, delta)";

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("HuberLoss", SumText, Delta == 1 ? "" : $"delta: {Signature.Number(Delta)}");

    private readonly struct Huber(T delta) : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T>
        {
            V b = V.Broadcast(delta), d = p - t, size = V.Abs(d);
            return V.Select(size <= b, 0.5 * d * d, b * (size - 0.5 * b));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T> =>
            V.AtMost(V.Broadcast(delta), V.AtLeast(V.Broadcast(-delta), p - t));
    }
}

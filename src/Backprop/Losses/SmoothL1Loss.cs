using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>
/// The absolute error with its corner rounded: of d = p - t, l = d^2 / (2 beta) where |d| &lt; beta, else |d| - beta/2.
/// </summary>
/// <remarks>
/// <para>Derivative: dl/dp = d / beta, held within [-1, 1]. CHAIN-RULE.md, "SmoothL1Loss".</para>
/// <para>With beta = 0 no corner is rounded: it is <see cref="L1Loss{T}"/>. Twin:
/// <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.SmoothL1Loss.html">torch.nn.SmoothL1Loss</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class SmoothL1Loss<T> : VectorizedLoss<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes the loss.</summary>
    /// <param name="reduction">Mean or sum.</param>
    /// <param name="beta">The error at which the parabola meets the straight line; at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">Beta is negative, infinite or NaN.</exception>
    public SmoothL1Loss(Reduction reduction = Reduction.Mean, double beta = 1)
        : base(Function(T.CreateSaturating(Expect.AtLeastZero("SmoothL1Loss", beta))), reduction) => Beta = beta;

    /// <summary>The error at which the parabola meets the straight line.</summary>
    public double Beta { get; }

    /// <inheritdoc/>
    protected override string Entry => "(|d| < beta ? d^2 / (2 beta) : |d| - beta/2), d = p - t";

    /// <inheritdoc/>
    protected override string EntryDerivative => "clamp(d / beta, -1, 1)";

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("SmoothL1Loss", SumText, Beta == 1 ? "" : $"beta: {Signature.Number(Beta)}");

    private static Entrywise Function(T beta) => beta == T.Zero ? Of(new Absolute()) : Of(new Rounded(beta));

    private readonly struct Rounded(T beta) : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T>
        {
            V b = V.Broadcast(beta), d = p - t, size = V.Abs(d);
            return V.Select(size < b, 0.5 * d * d / b, size - 0.5 * b);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T> =>
            V.AtMost(1, V.AtLeast(-1, (p - t) / V.Broadcast(beta)));
    }

    // Without a corner to round there is no parabola, and no division by beta.
    private readonly struct Absolute : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T> => V.Abs(p - t);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T> => V.Select(p > t, 1, V.Select(p < t, -1, 0));
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>What is near 0 becomes 0: y = x where |x| &gt; lambda, else 0.</summary>
/// <remarks>
/// <para>Derivative: dX = dY where |x| &gt; lambda, else 0. CHAIN-RULE.md, "Hardshrink".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Hardshrink.html">torch.nn.Hardshrink</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Hardshrink<T> : VectorizedActivation<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes the layer.</summary>
    /// <param name="lambda">How near; finite and at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">Lambda is NaN, infinite or negative.</exception>
    public Hardshrink(double lambda = 0.5)
        : base(Of(new Function(T.CreateSaturating(Expect.AtLeastZero("Hardshrink", lambda))))) =>
        Lambda = lambda;

    /// <summary>How near.</summary>
    public double Lambda { get; }

    /// <inheritdoc/>
    public override string Formula => FormattableString.Invariant($"y = |x| > {Lambda} ? x : 0");

    /// <inheritdoc/>
    public override string Derivative => FormattableString.Invariant($"dX = dY where |x| > {Lambda}, else 0");

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"Hardshrink({Lambda})");

    private readonly struct Function(T lambda) : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => V.Select(V.Abs(x) <= V.Broadcast(lambda), V.Zero, x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> => dY & (V.Abs(x) > V.Broadcast(lambda));
    }
}

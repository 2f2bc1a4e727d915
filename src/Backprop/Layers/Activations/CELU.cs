using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>An ELU whose slope has no jump, whatever alpha: y = x where x &gt; 0, else alpha (e^(x / alpha) - 1).</summary>
/// <remarks>
/// <para>Derivative: dX = dY where x &gt; 0, else dY * e^(x / alpha). CHAIN-RULE.md, "CELU".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.CELU.html">torch.nn.CELU</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class CELU<T> : VectorizedActivation<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes the layer.</summary>
    /// <param name="alpha">What y falls to, but for the sign; finite and not 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">Alpha is NaN, infinite or 0.</exception>
    public CELU(double alpha = 1)
        : base(Of(new Function(T.CreateSaturating(Expect.That(double.IsFinite(alpha) && alpha != 0, "CELU", alpha, "finite and not 0"))))) =>
        Alpha = alpha;

    /// <summary>What y falls to, but for the sign.</summary>
    public double Alpha { get; }

    /// <inheritdoc/>
    public override string Formula => FormattableString.Invariant($"y = x > 0 ? x : {Alpha} (e^(x / {Alpha}) - 1)");

    /// <inheritdoc/>
    public override string Derivative => FormattableString.Invariant($"dX = dY where x > 0, else dY * e^(x / {Alpha})");

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"CELU({Alpha})");

    private readonly struct Function(T alpha) : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> =>
            V.Select(x > V.Zero, x, V.Broadcast(alpha) * V.Expm1(x / V.Broadcast(alpha)));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> =>
            V.Select(x > V.Zero, dY, dY * V.Exp(x / V.Broadcast(alpha)));
    }
}

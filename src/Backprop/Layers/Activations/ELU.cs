using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>Linear above 0, and below it an exponential towards -alpha: y = x where x &gt; 0, else alpha (e^x - 1).</summary>
/// <remarks>
/// <para>Derivative: dX = dY where x &gt; 0, else dY * alpha e^x. CHAIN-RULE.md, "ELU".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.ELU.html">torch.nn.ELU</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class ELU<T> : VectorizedActivation<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes the layer.</summary>
    /// <param name="alpha">What y falls to, but for the sign; finite.</param>
    /// <exception cref="ArgumentOutOfRangeException">Alpha is NaN or infinite.</exception>
    public ELU(double alpha = 1)
        : base(Of(new Function(T.CreateSaturating(Expect.Finite("ELU", alpha))))) =>
        Alpha = alpha;

    /// <summary>What y falls to, but for the sign.</summary>
    public double Alpha { get; }

    /// <inheritdoc/>
    public override string Formula => FormattableString.Invariant($"y = x > 0 ? x : {Alpha} (e^x - 1)");

    /// <inheritdoc/>
    public override string Derivative => FormattableString.Invariant($"dX = dY where x > 0, else dY * {Alpha} e^x");

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"ELU({Alpha})");

    private readonly struct Function(T alpha) : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => V.Select(x > V.Zero, x, V.Broadcast(alpha) * V.Expm1(x));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> =>
            V.Select(x > V.Zero, dY, dY * (V.Broadcast(alpha) * V.Exp(x)));
    }
}

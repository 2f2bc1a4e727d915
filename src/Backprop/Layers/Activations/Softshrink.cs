using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>Everything moves towards 0 by lambda and stops there: y = x - min(max(x, -lambda), lambda).</summary>
/// <remarks>
/// <para>Derivative: dX = dY where |x| &gt; lambda, else 0. CHAIN-RULE.md, "Softshrink".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Softshrink.html">torch.nn.Softshrink</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Softshrink<T> : VectorizedActivation<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes the layer.</summary>
    /// <param name="lambda">How far; finite and at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">Lambda is NaN, infinite or negative.</exception>
    public Softshrink(double lambda = 0.5)
        : base(Of(new Function(T.CreateSaturating(Expect.AtLeastZero("Softshrink", lambda))))) =>
        Lambda = lambda;

    /// <summary>How far.</summary>
    public double Lambda { get; }

    /// <inheritdoc/>
    public override string Formula => FormattableString.Invariant($"y = x - min(max(x, -{Lambda}), {Lambda})");

    /// <inheritdoc/>
    public override string Derivative => FormattableString.Invariant($"dX = dY where |x| > {Lambda}, else 0");

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"Softshrink({Lambda})");

    private readonly struct Function(T lambda) : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => x - V.AtMost(V.Broadcast(lambda), V.AtLeast(-V.Broadcast(lambda), x));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> => dY & (V.Abs(x) > V.Broadcast(lambda));
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>The input times the normal distribution of it: y = x P(x), where P(x) is the chance that a normal number is below x.</summary>
/// <remarks>
/// <para>Derivative: dX = dY * (P(x) + x p(x)), p(x) = e^(-x^2 / 2) / sqrt(2 pi). CHAIN-RULE.md, "GELU", also on the form with tanh.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.GELU.html">torch.nn.GELU</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class GELU<T> : VectorizedActivation<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes the layer.</summary>
    /// <param name="approximate">Whether to use the form with tanh.</param>
    /// <exception cref="ArgumentOutOfRangeException">The approximation is not a defined one.</exception>
    public GELU(GELUApproximation approximate = GELUApproximation.None)
        : base(approximate switch
        {
            GELUApproximation.None => Of(new Exact()),
            GELUApproximation.Tanh => Of(new WithTanh()),
            _ => throw new ArgumentOutOfRangeException(nameof(approximate), $"GELU expects approximate to be None or Tanh, but it is {Signature.Choice(approximate)}."),
        }) => Approximate = approximate;

    /// <summary>Whether the form with tanh is used.</summary>
    public GELUApproximation Approximate { get; }

    /// <inheritdoc/>
    public override string Formula => Approximate == GELUApproximation.None
        ? "y = x P(x), P(x) = (1 + erf(x / sqrt(2))) / 2"
        : "y = x (1 + tanh(u)) / 2, u = sqrt(2 / pi) (x + 0.044715 x^3)";

    /// <inheritdoc/>
    public override string Derivative => Approximate == GELUApproximation.None
        ? "dX = dY * (P(x) + x p(x)), p(x) = e^(-x^2 / 2) / sqrt(2 pi)"
        : "dX = dY * ((1 + t) / 2 + x (1 - t^2) / 2 * du/dx), t = tanh(u), du/dx = sqrt(2 / pi) (1 + 0.134145 x^2)";

    /// <inheritdoc/>
    public override string ToString() => Approximate == GELUApproximation.None ? "GELU()" : "GELU(Tanh)";

    private readonly struct Exact : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => x * V.NormalDistribution(x, out _);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> => dY * (V.NormalDistribution(x, out V density) + x * density);
    }

    private readonly struct WithTanh : IFunction
    {
        // (1 + tanh(u)) / 2 = s(2u), s the logistic function: it loses no digits where tanh(u) is near -1.
        private const double TwoSqrtTwoOverPi = 1.5957691216057308, Cubic = 0.044715;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => x * V.Sigmoid(TwoU(x, x * x));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T>
        {
            V square = x * x, s = V.Sigmoid(TwoU(x, square), out V slope);
            return dY * (s + x * slope * (TwoSqrtTwoOverPi * (1 + 3 * Cubic * square)));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static V TwoU<V>(V x, V square) where V : unmanaged, IVector<V, T> => TwoSqrtTwoOverPi * (x + Cubic * (square * x));
    }
}

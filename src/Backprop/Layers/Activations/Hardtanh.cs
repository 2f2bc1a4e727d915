using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>The input between two bounds: y = min(max(x, min), max).</summary>
/// <remarks>
/// <para>Derivative: dX = dY where min &lt; x &lt; max, else 0. CHAIN-RULE.md, "Hardtanh".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Hardtanh.html">torch.nn.Hardtanh</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Hardtanh<T> : VectorizedActivation<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes the layer.</summary>
    /// <param name="minVal">The least y; below maxVal.</param>
    /// <param name="maxVal">The greatest y.</param>
    /// <exception cref="ArgumentOutOfRangeException">The bounds are not in ascending order, or NaN.</exception>
    public Hardtanh(double minVal = -1, double maxVal = 1)
        : base(Of(new Function(T.CreateSaturating(Expect.That(minVal < maxVal, "Hardtanh", minVal, string.Create(CultureInfo.InvariantCulture, $"below maxVal, {maxVal}"))), T.CreateSaturating(maxVal)))) =>
        (MinVal, MaxVal) = (minVal, maxVal);

    /// <summary>The least y.</summary>
    public double MinVal { get; }

    /// <summary>The greatest y.</summary>
    public double MaxVal { get; }

    /// <inheritdoc/>
    public override string Formula => FormattableString.Invariant($"y = min(max(x, {MinVal}), {MaxVal})");

    /// <inheritdoc/>
    public override string Derivative => FormattableString.Invariant($"dX = dY where {MinVal} < x < {MaxVal}, else 0");

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"Hardtanh({MinVal}, {MaxVal})");

    private readonly struct Function(T min, T max) : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => V.AtMost(V.Broadcast(max), V.AtLeast(V.Broadcast(min), x));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> => dY & (x > V.Broadcast(min)) & (x < V.Broadcast(max));
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>The positive part, and a little of the negative one: y = x where x &gt; 0, else a x, with slope a.</summary>
/// <remarks>
/// <para>Derivative: dX = dY where x &gt; 0, else dY * a. CHAIN-RULE.md, "LeakyReLU".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.LeakyReLU.html">torch.nn.LeakyReLU</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class LeakyReLU<T> : VectorizedActivation<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes the layer.</summary>
    /// <param name="negativeSlope">The slope where x is not positive; finite.</param>
    /// <exception cref="ArgumentOutOfRangeException">The slope is NaN or infinite.</exception>
    public LeakyReLU(double negativeSlope = 0.01)
        : base(Of(new Function(T.CreateSaturating(Expect.Finite("LeakyReLU", negativeSlope))))) =>
        NegativeSlope = negativeSlope;

    /// <summary>The slope where x is not positive.</summary>
    public double NegativeSlope { get; }

    /// <inheritdoc/>
    public override string Formula => FormattableString.Invariant($"y = x > 0 ? x : {NegativeSlope} x");

    /// <inheritdoc/>
    public override string Derivative => FormattableString.Invariant($"dX = dY where x > 0, else dY * {NegativeSlope}");

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"LeakyReLU({NegativeSlope})");

    private readonly struct Function(T slope) : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => V.Select(x > V.Zero, x, x * V.Broadcast(slope));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> => V.Select(x > V.Zero, dY, dY * V.Broadcast(slope));
    }
}

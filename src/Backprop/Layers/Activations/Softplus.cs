using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>A ReLU with a rounded corner: y = log(1 + e^(beta x)) / beta, and y = x where beta x &gt; threshold.</summary>
/// <remarks>
/// <para>Derivative: dX = dY / (1 + e^(-beta x)), but dY where beta x &gt; threshold. CHAIN-RULE.md, "Softplus".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Softplus.html">torch.nn.Softplus</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Softplus<T> : VectorizedActivation<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes the layer.</summary>
    /// <param name="beta">The sharpness of the corner; finite and above 0.</param>
    /// <param name="threshold">The value of beta x beyond which y = x; finite.</param>
    /// <exception cref="ArgumentOutOfRangeException">Beta is NaN, infinite or not above 0, or the threshold NaN or infinite.</exception>
    public Softplus(double beta = 1, double threshold = 20)
        : base(Of(new Function(T.CreateSaturating(Expect.AboveZero("Softplus", beta)), T.CreateSaturating(Expect.Finite("Softplus", threshold))))) =>
        (Beta, Threshold) = (beta, threshold);

    /// <summary>The sharpness of the corner.</summary>
    public double Beta { get; }

    /// <summary>The value of beta x beyond which y = x.</summary>
    public double Threshold { get; }

    /// <inheritdoc/>
    public override string Formula => FormattableString.Invariant($"y = log(1 + e^({Beta} x)) / {Beta}, but x where {Beta} x > {Threshold}");

    /// <inheritdoc/>
    public override string Derivative => FormattableString.Invariant($"dX = dY / (1 + e^(-{Beta} x)), but dY where {Beta} x > {Threshold}");

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"Softplus({Beta}, {Threshold})");

    private readonly struct Function(T beta, T threshold) : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T>
        {
            V z = V.Broadcast(beta) * x;
            return V.Select(z > V.Broadcast(threshold), x, V.Softplus(z) / V.Broadcast(beta));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T>
        {
            V z = V.Broadcast(beta) * x;
            return V.Select(z > V.Broadcast(threshold), dY, dY * V.Sigmoid(z));
        }
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>
/// The negative log-likelihood of counts under a Poisson distribution whose rate is e^p: l = e^p - t p, entry by entry, up to log t!.
/// </summary>
/// <remarks>
/// <para>Derivative: dl/dp = e^p - t. CHAIN-RULE.md, "PoissonNLLLoss".</para>
/// <para>Without <c>logInput</c> the prediction is the rate itself: l = p - t log(p + eps), dl/dp = 1 - t / (p + eps). With <c>full</c>, Stirling's
/// t log t - t + log(2 pi t) / 2 stands for log t! where t > 1; no derivative depends on it. Twin:
/// <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.PoissonNLLLoss.html">torch.nn.PoissonNLLLoss</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class PoissonNLLLoss<T> : VectorizedLoss<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes the loss.</summary>
    /// <param name="logInput">Whether the prediction is the logarithm of the rate, or the rate.</param>
    /// <param name="full">Whether to add Stirling's term.</param>
    /// <param name="epsilon">Added to a rate before its logarithm is taken; at least 0.</param>
    /// <param name="reduction">Mean or sum.</param>
    /// <exception cref="ArgumentOutOfRangeException">Epsilon is negative, infinite or NaN.</exception>
    public PoissonNLLLoss(bool logInput = true, bool full = false, double epsilon = 1e-8, Reduction reduction = Reduction.Mean)
        : base(Function(logInput, full, T.CreateSaturating(Expect.AtLeastZero("PoissonNLLLoss", epsilon))), reduction) => (LogInput, Full, Epsilon) = (logInput, full, epsilon);

    /// <summary>Whether the prediction is the logarithm of the rate, or the rate.</summary>
    public bool LogInput { get; }

    /// <summary>Whether Stirling's term is added.</summary>
    public bool Full { get; }

    /// <summary>What is added to a rate before its logarithm is taken.</summary>
    public double Epsilon { get; }

    /// <inheritdoc/>
    protected override string Entry =>
        (LogInput ? "(e^p - t p" : "(p - t log(p + eps)") + (Full ? " + (t > 1 ? t log t - t + log(2 pi t) / 2 : 0))" : ")");

    /// <inheritdoc/>
    protected override string EntryDerivative => LogInput ? "(e^p - t)" : "(1 - t / (p + eps))";

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("PoissonNLLLoss",
        SumText, LogInput ? "" : "logInput: false", Full ? "full" : "", Epsilon == 1e-8 ? "" : $"epsilon: {Signature.Number(Epsilon)}");

    private static Entrywise Function(bool logInput, bool full, T epsilon) => logInput ? Of(new OfLogRate(full)) : Of(new OfRate(full, epsilon));

    private readonly struct OfLogRate(bool full) : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T> => Stirling(full, t, V.Exp(p) - t * p);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T> => V.Exp(p) - t;
    }

    private readonly struct OfRate(bool full, T epsilon) : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T> => Stirling(full, t, p - t * V.Log(p + V.Broadcast(epsilon)));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T> => 1 - t / (p + V.Broadcast(epsilon));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Stirling<V>(bool full, V t, V loss) where V : unmanaged, IVector<V, T> => full
        ? loss + V.Select(t > 1, t * V.Log(t) - t + 0.5 * V.Log(2 * double.Pi * t), 0)
        : loss;
}

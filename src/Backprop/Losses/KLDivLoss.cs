using System.Numerics;
using System.Runtime.CompilerServices;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>
/// The Kullback-Leibler divergence of the target from a prediction of log-probabilities: l = t (log t - p), entry by entry; where the target is 0, l = 0.
/// </summary>
/// <remarks>
/// <para>Derivative: dl/dp = -t. CHAIN-RULE.md, "KLDivLoss".</para>
/// <para>With <c>logTarget</c> the target holds logarithms too: l = e^t (t - p), dl/dp = -e^t, and l = 0 where t = -infinity.</para>
/// <para>Where the target is 0, l is 0 whatever the prediction, -infinity too: what can not be need not be predicted. (PyTorch gives NaN.)</para>
/// <para>The mean, as everywhere, is over all entries. The divergence of the distributions, averaged over samples, is PyTorch's fourth reduction,
/// <c>batchmean</c>: <see cref="BatchMean"/>. Twin:
/// <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html">torch.nn.KLDivLoss</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class KLDivLoss<T> : VectorizedLoss<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly bool _batchMean;

    /// <summary>Makes the loss.</summary>
    /// <param name="reduction">Mean, over all entries, or sum.</param>
    /// <param name="logTarget">Whether the target holds logarithms of probabilities instead of probabilities.</param>
    public KLDivLoss(Reduction reduction = Reduction.Mean, bool logTarget = false) : this(reduction, logTarget, batchMean: false) { }

    private KLDivLoss(Reduction reduction, bool logTarget, bool batchMean)
        : base(logTarget ? Of(new OfLogarithms()) : Of(new OfProbabilities()), reduction) =>
        (LogTarget, _batchMean) = (logTarget, batchMean);

    /// <summary>Makes the loss whose mean is over the samples, that is, the sum divided by the number of rows.</summary>
    /// <param name="logTarget">Whether the target holds logarithms of probabilities instead of probabilities.</param>
    public static KLDivLoss<T> BatchMean(bool logTarget = false) => new(Reduction.Mean, logTarget, batchMean: true);

    /// <summary>Whether the target holds logarithms of probabilities.</summary>
    public bool LogTarget { get; }

    /// <inheritdoc/>
    protected override string Entry => LogTarget ? "e^t (t - p)" : "t (log t - p)";

    /// <inheritdoc/>
    protected override string EntryDerivative => LogTarget ? "-e^t" : "-t";

    /// <inheritdoc/>
    protected override string DivisorText => _batchMean ? "n" : base.DivisorText;

    /// <inheritdoc/>
    public override string ToString() => Signature.Call(_batchMean ? "KLDivLoss.BatchMean" : "KLDivLoss", SumText, LogTarget ? "logTarget" : "");

    /// <summary>Both dense and of the same shape; every target in [0, 1], unless it is a logarithm.</summary>
    /// <inheritdoc/>
    protected override void Check(Matrix<T> prediction, Matrix<T> target)
    {
        base.Check(prediction, target);
        if (!LogTarget) Entries.Probabilities(this, target, nameof(target));
    }

    /// <inheritdoc/>
    protected override double DivisorCore(Matrix<T> prediction, Matrix<T> target) => _batchMean ? prediction.RowCount : base.DivisorCore(prediction, target);

    private readonly struct OfProbabilities : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T> => V.Select(V.Equal(t, 0), 0, t * V.Log(t) - t * p);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T> => -t;
    }

    private readonly struct OfLogarithms : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T> => V.Select(V.Equal(t, double.NegativeInfinity), 0, V.Exp(t) * (t - p));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T> => -V.Exp(t);
    }
}

using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>Batch normalisation: y = x̂ w + b, where x̂ is x with mean 0 and variance 1 in each feature.</summary>
/// <remarks>
/// <para>x̂ = (x - mean) r and r = 1/√(var + ε). In training, mean and variance (the biased one, divided by n) are those of the feature over the
/// batch's n samples, and the running statistics move towards them: running = (1 - momentum) running + momentum new, with the unbiased variance,
/// divided by n - 1. In evaluation they are the running statistics, or the batch's own where none are kept.</para>
/// <para>Frozen, with <see cref="Layer{T}.Freeze"/> or with w and b, it computes in training as in evaluation, and the running statistics stand still. (In PyTorch a layer
/// whose w and b do not learn still normalises by the batch and moves its statistics.)</para>
/// <para>Shapes: x (n x m), w (m), b (m), y (n x m). A batch whose own statistics are taken has at least 2 samples.</para>
/// <para>Derivatives: in training, dX = w r (dY - mean(dY) - x̂ mean(dY x̂)); in evaluation, dX = w r dY; in both, dw += the sum over the rows of dY x̂
/// and db += the sum over the rows of dY. CHAIN-RULE.md, "BatchNorm1d".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html">torch.nn.BatchNorm1d</see>.
/// Source: S. Ioffe and C. Szegedy, Batch normalization, ICML 2015.</para>
/// </remarks>
/// <example><code>var y = new BatchNorm1d&lt;double&gt;(64).Forward(x);   // x and y are n x 64; by the running statistics</code></example>
/// <threadsafety>Evaluation is thread-safe as in every layer. A forward pass in training changes the running statistics: one thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class BatchNorm1d<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer with w = 1, b = 0, running mean 0 and running variance 1.</summary>
    /// <param name="numFeatures">m, the columns of the input, at least 1.</param>
    /// <param name="epsilon">ε, at least 0.</param>
    /// <param name="momentum">The weight of the new value in the running statistics, from 0 to 1; null for the mean of all batches so far.</param>
    /// <param name="affine">Whether to learn w and b.</param>
    /// <param name="trackRunningStats">Whether to keep running statistics.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1, ε is negative or not finite, or the momentum is not from 0 to 1.</exception>
    public BatchNorm1d(int numFeatures, double epsilon = 1e-5, double? momentum = 0.1, bool affine = true, bool trackRunningStats = true)
    {
        var owner = Invariant($"BatchNorm1d({numFeatures})");
        NumFeatures = Expect.Positive(owner, numFeatures, nameof(numFeatures));
        Epsilon = Expect.AtLeastZero(owner, epsilon);
        Momentum = momentum is double given ? Expect.Fraction(owner, given, nameof(momentum)) : null;
        if (affine)
        {
            Weight = Register(new VectorParameter<T>("weight", numFeatures));
            Bias = Register(new VectorParameter<T>("bias", numFeatures));
            Weight.Values.Fill(T.One);
        }

        if (!trackRunningStats) return;
        RunningMean = RegisterBuffer(new VectorBuffer<T>("running_mean", numFeatures));
        RunningVar = RegisterBuffer(new VectorBuffer<T>("running_var", numFeatures, T.One));
        NumBatchesTracked = RegisterBuffer(new CounterBuffer<T>("num_batches_tracked"));
    }

    /// <summary>w, m; null without.</summary>
    public VectorParameter<T>? Weight { get; }

    /// <summary>b, m; null without.</summary>
    public VectorParameter<T>? Bias { get; }

    /// <summary>The running mean, m; null where no running statistics are kept.</summary>
    public VectorBuffer<T>? RunningMean { get; }

    /// <summary>The running variance, m; null where no running statistics are kept.</summary>
    public VectorBuffer<T>? RunningVar { get; }

    /// <summary>How many batches the running statistics have seen; null where none are kept.</summary>
    public CounterBuffer<T>? NumBatchesTracked { get; }

    /// <summary>m, the columns of the input.</summary>
    public int NumFeatures { get; }

    /// <summary>ε.</summary>
    public double Epsilon { get; }

    /// <summary>The weight of the new value in the running statistics; null for the mean of all batches so far.</summary>
    public double? Momentum { get; }

    /// <inheritdoc/>
    public override int? InputColumns => NumFeatures;

    /// <inheritdoc/>
    public override int MinTrainingRows => IsFrozen ? 1 : 2;

    /// <inheritdoc/>
    public override string Formula =>
        $"y = xhat{(Weight is null ? "" : " w + b")},  xhat = (x - mean) r,  r = 1/sqrt(var + eps),  mean and var over each column{(RunningMean is null ? "" : "; in evaluation the running ones")}";

    /// <inheritdoc/>
    public override string Derivative =>
        $"dX ={(Weight is null ? "" : " w")} r (dY - mean(dY) - xhat mean(dY xhat)){(RunningMean is null ? "" : $"; in evaluation dX ={(Weight is null ? "" : " w")} r dY")}{(Weight is null ? "" : ",  dw += sum over rows of dY xhat,  db += sum over rows of dY")}";

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new MomentsPass<T>(this, training);

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("BatchNorm1d", $"{NumFeatures}", Epsilon == 1e-5 ? "" : $"epsilon {Signature.Number(Epsilon)}",
        Momentum is not double momentum ? "cumulative average" : momentum == 0.1 ? "" : $"momentum {Signature.Number(momentum)}", Weight is null ? "not affine" : "", RunningMean is null ? "no running statistics" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var own = RunningMean is null || (pass.Training && !IsFrozen);
        if (own && x.RowCount < 2)
            throw new ArgumentException($"{this} expects at least 2 samples where it takes the batch's own statistics, but x is {Operand.Shape(x)}.", nameof(x));
        var (y, moments) = (pass.NewOutput(x.RowCount, x.ColumnCount), ((MomentsPass<T>)pass).Moments);
        ((MomentsPass<T>)pass).AreOfBatch = own;
        moments.Clear(NumFeatures);
        if (!own)
        {
            RunningMean!.Values.CopyTo(moments.Mean);
            RunningVar!.Values.CopyTo(moments.Variance);
        }

        // y = (x - mean) r w + b
        ColumnNormalization.Forward(own, T.CreateSaturating(Epsilon), x.Span(), Weight is null ? [] : Weight.Values, Bias is null ? [] : Bias.Values, moments, y.Span(), x.RowCount, x.ColumnCount);
        if (own && RunningMean is not null) Track(moments, x.RowCount);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var (dX, moments) = (pass.NeedsInputGradient ? pass.NewInputGradient() : null, ((MomentsPass<T>)pass).Moments);
        // dX = w r (dY - mean(dY) - x̂ mean(dY x̂)), or w r dY      dw += sum over rows of dY x̂      db += sum over rows of dY
        ColumnNormalization.Backward(
            ((MomentsPass<T>)pass).AreOfBatch, pass.Input.Span(), dY.Span(), Weight is null ? [] : Weight.Values, moments,
            Weight is null or { Frozen: true } ? [] : Weight.Gradients, Bias is null or { Frozen: true } ? [] : Bias.Gradients, dX is null ? [] : dX.Span(), dY.RowCount, dY.ColumnCount);
        return dX;
    }

    // With both parameters, or with its buffers.
    private bool IsFrozen => RunningMean is { Frozen: true } || (RunningMean is not null && Weight is { Frozen: true } && Bias is { Frozen: true });

    private void Track(Moments<T> moments, int n)
    {
        NumBatchesTracked!.Value++;
        var factor = T.CreateSaturating(Momentum ?? 1.0 / NumBatchesTracked.Value);
        var unbiased = T.CreateChecked(n) / T.CreateChecked(n - 1);
        Span<T> mean = RunningMean!.Values, variance = RunningVar!.Values, newMean = moments.Mean, rest = moments.Rest, newVariance = moments.Variance;
        for (var j = 0; j < mean.Length; j++)
        {
            // running = (1 - momentum) running + momentum new
            mean[j] = (T.One - factor) * mean[j] + factor * (newMean[j] + rest[j]);
            variance[j] = (T.One - factor) * variance[j] + factor * (newVariance[j] * unbiased);
        }
    }
}

using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Batch normalisation of features or of channels: y = x̂ w + b, where x̂ is x with mean 0 and variance 1 in each.</summary>
/// <remarks>What <see cref="BatchNorm1d{T}"/> and <see cref="BatchNorm2d{T}"/> share: they differ in how many numbers of a sample belong to a feature. In memory those of all samples lie side by side, so both normalise columns.</remarks>
/// <threadsafety>Evaluation is thread-safe as in every layer. A forward pass in training changes the running statistics: one thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class BatchNorm<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private protected BatchNorm(string owner, int numFeatures, double epsilon, double? momentum, bool affine, bool trackRunningStats)
    {
        NumFeatures = numFeatures;
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

    /// <summary>m, features or channels.</summary>
    public int NumFeatures { get; }

    /// <summary>ε.</summary>
    public double Epsilon { get; }

    /// <summary>The weight of the new value in the running statistics; null for the mean of all batches so far.</summary>
    public double? Momentum { get; }

    /// <inheritdoc/>
    public override int? InputColumns => NumFeatures * Pixels;

    /// <inheritdoc/>
    public override int MinTrainingRows => IsFrozen || Pixels > 1 ? 1 : 2;

    /// <inheritdoc/>
    public override string Formula =>
        $"y = xhat{(Weight is null ? "" : " w + b")},  xhat = (x - mean) r,  r = 1/sqrt(var + eps),  mean and var over each {(Pixels == 1 ? "column" : "channel")}{(RunningMean is null ? "" : "; in evaluation the running ones")}";

    /// <inheritdoc/>
    public override string Derivative =>
        $"dX ={(Weight is null ? "" : " w")} r (dY - mean(dY) - xhat mean(dY xhat)){(RunningMean is null ? "" : $"; in evaluation dX ={(Weight is null ? "" : " w")} r dY")}{(Weight is null ? "" : ",  dw += sum over rows of dY xhat,  db += sum over rows of dY")}";

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new MomentsPass<T>(this, training);

    /// <summary>How many numbers of a sample belong to a feature.</summary>
    private protected abstract int Pixels { get; }

    private protected string Text(string name, string features) => Signature.Call(name, features, Epsilon == 1e-5 ? "" : $"epsilon {Signature.Number(Epsilon)}",
        Momentum is not double momentum ? "cumulative average" : momentum == 0.1 ? "" : $"momentum {Signature.Number(momentum)}", Weight is null ? "not affine" : "", RunningMean is null ? "no running statistics" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var own = RunningMean is null || (pass.Training && !IsFrozen);
        var rows = x.RowCount * Pixels;
        if (own && rows < 2)
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
        ColumnNormalization.Forward(own, T.CreateSaturating(Epsilon), x.Span(), Weight is null ? [] : Weight.Values, Bias is null ? [] : Bias.Values, moments, y.Span(), rows, NumFeatures);
        if (own && RunningMean is not null) Track(moments, rows);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var (dX, moments) = (pass.NeedsInputGradient ? pass.NewInputGradient() : null, ((MomentsPass<T>)pass).Moments);
        // dX = w r (dY - mean(dY) - x̂ mean(dY x̂)), or w r dY      dw += sum over rows of dY x̂      db += sum over rows of dY
        ColumnNormalization.Backward(
            ((MomentsPass<T>)pass).AreOfBatch, pass.Input.Span(), dY.Span(), Weight is null ? [] : Weight.Values, moments,
            Weight is null or { Frozen: true } ? [] : Weight.Gradients, Bias is null or { Frozen: true } ? [] : Bias.Gradients, dX is null ? [] : dX.Span(), dY.RowCount * Pixels, NumFeatures);
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

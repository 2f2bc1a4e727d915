using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Instance normalisation of images: y = x̂ w + b, where x̂ is x with mean 0 and variance 1 in each channel of each sample.</summary>
/// <remarks>
/// <para>x̂ = (x - mean) r and r = 1/√(var + ε), with the mean and the variance (the biased one) of a channel's pixels, in one sample. Where running statistics are kept, they move in training towards the batch's mean of the
/// means and of the unbiased variances, running = (1 - momentum) running + momentum new, and take their place in evaluation.</para>
/// <para>Shapes: x (n x C H W), w (C), b (C), y (n x C H W). A row is an image, see <see cref="ImageShape"/>, of more than one pixel where its own statistics are taken.</para>
/// <para>Derivatives, with the means over a channel and dX̂ = dY w: dX = r (dX̂ - mean(dX̂) - x̂ mean(dX̂ x̂)), by running statistics dX = r dX̂; dw += Σ dY x̂ and db += Σ dY over a channel's pixels of all samples.
/// CHAIN-RULE.md, "InstanceNorm2d".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.InstanceNorm2d.html">torch.nn.InstanceNorm2d</see>.
/// Source: D. Ulyanov, A. Vedaldi and V. Lempitsky, Instance normalization, 2016.</para>
/// </remarks>
/// <example><code>var norm = new InstanceNorm2d&lt;double&gt;(new ImageShape(16, 14, 14));</code></example>
/// <threadsafety>Evaluation is thread-safe as in every layer. A forward pass in training changes the running statistics: one thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class InstanceNorm2d<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer; where there are some, with w = 1, b = 0, running mean 0 and running variance 1.</summary>
    /// <param name="inputShape">Channels, height and width of an image.</param>
    /// <param name="epsilon">ε, at least 0.</param>
    /// <param name="momentum">The weight of the new value in the running statistics, from 0 to 1.</param>
    /// <param name="affine">Whether to learn w and b.</param>
    /// <param name="trackRunningStats">Whether to keep running statistics.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, ε is negative or not finite, or the momentum is not from 0 to 1.</exception>
    public InstanceNorm2d(ImageShape inputShape, double epsilon = 1e-5, double momentum = 0.1, bool affine = false, bool trackRunningStats = false)
    {
        var owner = $"InstanceNorm2d({inputShape})";
        InputShape = inputShape.Require(owner, nameof(inputShape));
        Epsilon = Expect.AtLeastZero(owner, epsilon);
        Momentum = Expect.Fraction(owner, momentum);
        if (affine)
        {
            Weight = Register(new VectorParameter<T>("weight", inputShape.Channels));
            Bias = Register(new VectorParameter<T>("bias", inputShape.Channels));
            Weight.Values.Fill(T.One);
        }

        if (!trackRunningStats) return;
        RunningMean = RegisterBuffer(new VectorBuffer<T>("running_mean", inputShape.Channels));
        RunningVar = RegisterBuffer(new VectorBuffer<T>("running_var", inputShape.Channels, T.One));
        NumBatchesTracked = RegisterBuffer(new CounterBuffer<T>("num_batches_tracked"));
    }

    /// <summary>w, C; null without.</summary>
    public VectorParameter<T>? Weight { get; }

    /// <summary>b, C; null without.</summary>
    public VectorParameter<T>? Bias { get; }

    /// <summary>The running mean, C; null where no running statistics are kept.</summary>
    public VectorBuffer<T>? RunningMean { get; }

    /// <summary>The running variance, C; null where no running statistics are kept.</summary>
    public VectorBuffer<T>? RunningVar { get; }

    /// <summary>For files: PyTorch's layer has this counter and does not count. Null where no running statistics are kept.</summary>
    public CounterBuffer<T>? NumBatchesTracked { get; }

    /// <summary>Channels, height and width of an image.</summary>
    public ImageShape InputShape { get; }

    /// <summary>ε.</summary>
    public double Epsilon { get; }

    /// <summary>The weight of the new value in the running statistics.</summary>
    public double Momentum { get; }

    /// <inheritdoc/>
    public override int? InputColumns => InputShape.Columns;

    /// <inheritdoc/>
    public override string Formula =>
        $"y = xhat{(Weight is null ? "" : " w + b")},  xhat = (x - mean) r,  r = 1/sqrt(var + eps),  mean and var over each channel of each sample{(RunningMean is null ? "" : "; in evaluation the running ones")}";

    /// <inheritdoc/>
    public override string Derivative =>
        $"dX = r (dXhat - mean(dXhat) - xhat mean(dXhat xhat)){(RunningMean is null ? "" : "; in evaluation dX = r dXhat")},  dXhat = dY{(Weight is null ? "" : " w,  dw += sum over pixels of dY xhat,  db += sum over pixels of dY")}";

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new GroupNormPass<T>(this, training, InputShape.Channels, InputShape);

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("InstanceNorm2d", $"{InputShape}", Epsilon == 1e-5 ? "" : $"epsilon {Signature.Number(Epsilon)}", Momentum == 0.1 ? "" : $"momentum {Signature.Number(Momentum)}",
        Weight is null ? "" : "affine", RunningMean is null ? "" : "running statistics");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var (y, saved) = (pass.NewOutput(x.RowCount, x.ColumnCount), (GroupNormPass<T>)pass);
        saved.AreOwn = RunningMean is null || (pass.Training && !IsFrozen);
        if (saved.AreOwn && Pixels == 1) throw new ArgumentException($"{this} expects images of more than one pixel where it takes their own statistics: one would be its own mean.");
        // y = (x - mean) r w + b
        if (saved.AreOwn)
        {
            saved.Groups.Forward(T.CreateSaturating(Epsilon), x.Span(), Weight, Bias, y.Span(), x.RowCount);
            if (RunningMean is not null && x.RowCount > 0) Track(saved.Groups.Moments, x.RowCount);
            return y;
        }

        saved.Running.Clear(InputShape.Channels);
        RunningMean!.Values.CopyTo(saved.Running.Mean);
        RunningVar!.Values.CopyTo(saved.Running.Variance);
        ColumnNormalization.Forward(
            false, T.CreateSaturating(Epsilon), x.Span(), Weight is null ? [] : Weight.Values, Bias is null ? [] : Bias.Values, saved.Running, y.Span(), x.RowCount * Pixels, InputShape.Channels);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var (dX, saved) = (pass.NeedsInputGradient ? pass.NewInputGradient() : null, (GroupNormPass<T>)pass);
        // dX = r (dX̂ - mean(dX̂) - x̂ mean(dX̂ x̂)) or r dX̂, with dX̂ = dY w      dw += Σ dY x̂      db += Σ dY
        if (saved.AreOwn)
        {
            saved.Groups.Backward(pass.Input.Span(), dY.Span(), Weight, Bias, dX is null ? [] : dX.Span(), dY.RowCount);
            return dX;
        }

        ColumnNormalization.Backward(
            false, pass.Input.Span(), dY.Span(), Weight is null ? [] : Weight.Values, saved.Running,
            Weight is null or { Frozen: true } ? [] : Weight.Gradients, Bias is null or { Frozen: true } ? [] : Bias.Gradients, dX is null ? [] : dX.Span(), dY.RowCount * Pixels, InputShape.Channels);
        return dX;
    }

    private int Pixels => InputShape.Height * InputShape.Width;

    // With both parameters, or with its buffers.
    private bool IsFrozen => RunningMean is { Frozen: true } || (RunningMean is not null && Weight is { Frozen: true } && Bias is { Frozen: true });

    private void Track(ReadOnlySpan<Moments<T>> moments, int n)
    {
        T momentum = T.CreateSaturating(Momentum), unbiased = T.CreateChecked(Pixels) / T.CreateChecked(Pixels - 1), samples = T.CreateChecked(n);
        for (var c = 0; c < moments.Length; c++)
        {
            Span<T> means = moments[c].Mean, rests = moments[c].Rest, variances = moments[c].Variance;
            T mean = T.Zero, variance = T.Zero;
            for (var i = 0; i < n; i++)
            {
                mean += means[i] + rests[i];
                variance += variances[i];
            }

            // running = (1 - momentum) running + momentum new
            RunningMean!.Values[c] = (T.One - momentum) * RunningMean.Values[c] + momentum * (mean / samples);
            RunningVar!.Values[c] = (T.One - momentum) * RunningVar.Values[c] + momentum * (variance / samples * unbiased);
        }
    }
}

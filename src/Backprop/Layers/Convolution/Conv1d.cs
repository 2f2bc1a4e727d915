using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A convolution of signals: each output channel looks for one pattern everywhere along the signal, with the same weights.</summary>
/// <remarks>
/// <para>y[o, q] = b[o] + Σ_cv W[o, c, v] x̃[c, q s + v d], where x̃ is the signal with its padding, s the stride and d the dilation; c runs over the input channels of o's group.</para>
/// <para>Shapes: x (n x in L), a channel's L values side by side, W (out x in/groups k; in files out, in/groups, k), b (out), y (n x out Q) with Q = ⌊(L + 2 padding - d (k - 1) - 1) / s⌋ + 1, which is <see cref="OutputLength"/>.</para>
/// <para>Derivatives: dx̃[c, w] = Σ_ov W[o, c, v] dY[o, q] over all o, v with q s + v d = w; dX adds up the places in x̃ that a value stands in.
/// dW[o, c, v] += Σ_q dY[o, q] x̃[c, q s + v d] and db[o] += Σ_q dY[o, q], over all samples. CHAIN-RULE.md, "Conv1d".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv1d.html">torch.nn.Conv1d</see>.</para>
/// </remarks>
/// <example><code>var y = new Conv1d&lt;double&gt;(2, 100, 8, kernelSize: 5).Forward(x);   // x is n x 200, y is n x (8 * 96)</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Conv1d<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ConvolutionShape _shape;

    /// <summary>Makes a layer with weight and bias drawn uniformly from ±1/√(in/groups k), as PyTorch does.</summary>
    /// <param name="inChannels">Channels of the input, at least 1.</param>
    /// <param name="length">L, values of a channel, at least 1.</param>
    /// <param name="outChannels">Channels of the output, at least 1.</param>
    /// <param name="kernelSize">k, at least 1.</param>
    /// <param name="stride">s, at least 1.</param>
    /// <param name="padding">Values before and after the signal, at least 0; null for as many that the output is as long as the input.</param>
    /// <param name="dilation">d, at least 1.</param>
    /// <param name="groups">In how many groups the channels are convolved apart from each other; divides both numbers of channels.</param>
    /// <param name="bias">Whether to add a bias.</param>
    /// <param name="paddingMode">What the padding shows.</param>
    /// <param name="generator">Draws the values, weight first; <see cref="Generator.Default"/> where none is given.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, the padding negative, or the signal larger than a matrix can be.</exception>
    /// <exception cref="ArgumentException">The kernel does not fit into the signal with its padding, the groups do not divide the channels, or there is more padding than the signal has to show.</exception>
    public Conv1d(
        int inChannels, int length, int outChannels, int kernelSize, int stride = 1, int? padding = 0, int dilation = 1, int groups = 1, bool bias = true,
        PaddingMode paddingMode = PaddingMode.Zeros, Generator? generator = null)
    {
        _shape = ConvolutionSizes.Of(
            Text(inChannels, length, outChannels, kernelSize, stride, padding, dilation, groups, paddingMode, ""), new(inChannels, 1, length), nameof(length), outChannels, new(1, kernelSize), new(1, stride),
            padding is int given ? new(given, given, 0, 0) : Padding2d.Same, new(1, dilation), groups, paddingMode);
        Weight = Register(new MatrixParameter<T>("weight", outChannels, _shape.Taps, outChannels, _shape.InputsOfGroup, kernelSize));
        if (bias) Bias = Register(new VectorParameter<T>("bias", outChannels));

        Init.KaimingUniform(Weight, a: Math.Sqrt(5), generator: generator);
        if (Bias is not null) Init.Uniform(Bias, -1 / Math.Sqrt(_shape.Taps), 1 / Math.Sqrt(_shape.Taps), generator);
    }

    /// <summary>W, out x (in/groups k).</summary>
    public MatrixParameter<T> Weight { get; }

    /// <summary>b, out; null without a bias.</summary>
    public VectorParameter<T>? Bias { get; }

    /// <summary>Channels of the input.</summary>
    public int InChannels => _shape.Input.Channels;

    /// <summary>Channels of the output.</summary>
    public int OutChannels => _shape.Output.Channels;

    /// <summary>L, values of an input channel.</summary>
    public int Length => _shape.Input.Width;

    /// <summary>Q, values of an output channel.</summary>
    public int OutputLength => _shape.Output.Width;

    /// <summary>k.</summary>
    public int KernelSize => _shape.Kernel.Width;

    /// <summary>s, from one place of the kernel to the next.</summary>
    public int Stride => _shape.Stride.Width;

    /// <summary>Values before and after the signal; the last is one more where it keeps the length with an even kernel.</summary>
    public (int Before, int After) Padding => (_shape.Padding.Left, _shape.Padding.Right);

    /// <summary>d, from one value that the kernel looks at to the next.</summary>
    public int Dilation => _shape.Dilation.Width;

    /// <summary>In how many groups the channels are convolved apart from each other.</summary>
    public int Groups => _shape.Groups;

    /// <summary>What the padding shows.</summary>
    public PaddingMode PaddingMode => _shape.Mode;

    /// <inheritdoc/>
    public override int? InputColumns => _shape.Input.Columns;

    /// <inheritdoc/>
    public override string Formula => $"y[o, q] = {(Bias is null ? "" : "b[o] + ")}sum over c, v of W[o, c, v] x~[c, q s + v d]";

    /// <inheritdoc/>
    public override string Derivative =>
        $"dx~[c, w] = sum over o, v of W[o, c, v] dY[o, q] with q s + v d = w,  dW[o, c, v] += sum over q of dY[o, q] x~[c, q s + v d]{(Bias is null ? "" : ",  db[o] += sum over q of dY[o, q]")}";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => _shape.Output.Columns;

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new ConvolutionPass<T>(this, training, _shape);

    /// <inheritdoc/>
    public override string ToString() => Text(
        InChannels, Length, OutChannels, KernelSize, Stride, Padding.Before == Padding.After ? Padding.Before : null, Dilation, Groups, PaddingMode, Bias is null ? "no bias" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, _shape.Output.Columns);
        // y[o, q] = b[o] + Σ_cv W[o, c, v] x̃[c, q s + v d]
        ((ConvolutionPass<T>)pass).Convolution.Forward(x.Span(), Weight.Values, Bias is null ? [] : Bias.Values, y.Span(), x.RowCount);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var convolution = ((ConvolutionPass<T>)pass).Convolution;
        // dW[o, c, v] += Σ_q dY[o, q] x̃[c, q s + v d]      db[o] += Σ_q dY[o, q]
        if (!Weight.Frozen) convolution.AddWeightGradient(pass.Input.Span(), dY.Span(), Weight.Gradients, dY.RowCount);
        if (Bias is { Frozen: false }) Reductions.AddColumnSums(dY.Span(), dY.RowCount * OutputLength, Bias.Gradients);
        if (!pass.NeedsInputGradient) return null;

        var dX = pass.NewInputGradient();
        // dx̃[c, w] = Σ_ov W[o, c, v] dY[o, q] where q s + v d = w
        convolution.InputGradient(dY.Span(), Weight.Values, [], dX.Span(), dY.RowCount);
        return dX;
    }

    private static string Text(int inChannels, int length, int outChannels, int kernel, int stride, int? padding, int dilation, int groups, PaddingMode mode, string bias) => Signature.Call(
        "Conv1d", $"{Signature.Number(inChannels)}x{Signature.Number(length)} -> {Signature.Number(outChannels)}", $"kernel {Signature.Number(kernel)}", stride == 1 ? "" : $"stride {Signature.Number(stride)}",
        padding is not int given ? "padding same" : given == 0 ? "" : $"padding {Signature.Number(given)}", dilation == 1 ? "" : $"dilation {Signature.Number(dilation)}",
        groups == 1 ? "" : $"groups {Signature.Number(groups)}", mode == PaddingMode.Zeros ? "" : Signature.Choice(mode), bias);
}

using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A transposed convolution: each pixel of the input paints the kernel, times its value, into a larger image.</summary>
/// <remarks>
/// <para>y[o, h, w] = b[o] + Σ_cuv W[c, o, u, v] x[c, p, q] over all c, u, v with p s + u d = h + padding and q s + v d = w + padding: the way that gradients take back through a
/// <see cref="Conv2d{T}"/> with the same weights, gone forwards.</para>
/// <para>Shapes: x (n x in H W), W (in x out/groups kh kw; in files in, out/groups, kh, kw), b (out), y (n x out P Q) with P = (H - 1) s - 2 padding + d (kh - 1) + output padding + 1 and Q likewise.
/// A row is an image, see <see cref="ImageShape"/>.</para>
/// <para>Derivatives: dX[c, p, q] = Σ_ouv W[c, o, u, v] dỸ[o, p s + u d, q s + v d], a convolution of dY with its padding, dỸ; dW[c, o, u, v] += Σ_pq x[c, p, q] dỸ[o, p s + u d, q s + v d] and
/// db[o] += Σ_hw dY[o, h, w], over all samples. CHAIN-RULE.md, "ConvTranspose2d".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html">torch.nn.ConvTranspose2d</see>.
/// Source: M. Zeiler, D. Krishnan, G. Taylor and R. Fergus, Deconvolutional networks, CVPR 2010.</para>
/// </remarks>
/// <example><code>var up = new ConvTranspose2d&lt;double&gt;(new ImageShape(8, 7, 7), 4, kernelSize: 2, stride: 2);   // n x (8 7 7) to n x (4 14 14)</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class ConvTranspose2d<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // The convolution that leads back: from the images of the output to those of the input.
    private readonly ConvolutionShape _back;

    /// <summary>Makes a layer with weight and bias drawn uniformly from ±1/√(out/groups kh kw), as PyTorch does.</summary>
    /// <param name="inputShape">Channels, height and width of an image.</param>
    /// <param name="outChannels">Channels of the output, at least 1.</param>
    /// <param name="kernelSize">kh and kw, each at least 1.</param>
    /// <param name="stride">s, each at least 1; 1 where none is given.</param>
    /// <param name="padding">Pixels that are cut off around the output.</param>
    /// <param name="outputPadding">Pixels that the output has more, at the right and at the bottom; smaller than stride or dilation.</param>
    /// <param name="groups">In how many groups the channels are convolved apart from each other; divides both numbers of channels.</param>
    /// <param name="bias">Whether to add a bias.</param>
    /// <param name="dilation">d, each at least 1; 1 where none is given.</param>
    /// <param name="generator">Draws the values, weight first; <see cref="Generator.Default"/> where none is given.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, a padding negative, or an image larger than a matrix can be.</exception>
    /// <exception cref="ArgumentException">No pixel would be left, the groups do not divide the channels, or the output padding is too large.</exception>
    public ConvTranspose2d(
        ImageShape inputShape, int outChannels, Size2d kernelSize, Size2d? stride = null, Padding2d padding = default, Size2d outputPadding = default, int groups = 1, bool bias = true,
        Size2d? dilation = null, Generator? generator = null)
    {
        OutputPadding = outputPadding;
        _back = ConvolutionSizes.Transposed(
            Text(inputShape, outChannels, kernelSize, stride ?? 1, padding, outputPadding, dilation ?? 1, groups, ""), inputShape, outChannels, kernelSize, stride ?? 1, padding, outputPadding, dilation ?? 1, groups);
        Weight = Register(new MatrixParameter<T>("weight", inputShape.Channels, _back.Taps, inputShape.Channels, _back.InputsOfGroup, kernelSize.Height, kernelSize.Width));
        if (bias) Bias = Register(new VectorParameter<T>("bias", outChannels));

        Init.KaimingUniform(Weight, a: Math.Sqrt(5), generator: generator);
        if (Bias is not null) Init.Uniform(Bias, -1 / Math.Sqrt(_back.Taps), 1 / Math.Sqrt(_back.Taps), generator);
    }

    /// <summary>W, in x (out/groups kh kw).</summary>
    public MatrixParameter<T> Weight { get; }

    /// <summary>b, out; null without a bias.</summary>
    public VectorParameter<T>? Bias { get; }

    /// <summary>Channels, height and width of an input.</summary>
    public ImageShape InputShape => _back.Output;

    /// <summary>Channels, height and width of an output.</summary>
    public ImageShape OutputShape => _back.Input;

    /// <summary>kh and kw.</summary>
    public Size2d KernelSize => _back.Kernel;

    /// <summary>s, from where one pixel paints to where the next does.</summary>
    public Size2d Stride => _back.Stride;

    /// <summary>Pixels that are cut off around the output.</summary>
    public Padding2d Padding => _back.Padding;

    /// <summary>Pixels that the output has more, at the right and at the bottom.</summary>
    public Size2d OutputPadding { get; }

    /// <summary>d, from one painted pixel to the next.</summary>
    public Size2d Dilation => _back.Dilation;

    /// <summary>In how many groups the channels are convolved apart from each other.</summary>
    public int Groups => _back.Groups;

    /// <inheritdoc/>
    public override int? InputColumns => InputShape.Columns;

    /// <inheritdoc/>
    public override string Formula => $"y[o, h, w] = {(Bias is null ? "" : "b[o] + ")}sum over c, u, v of W[c, o, u, v] x[c, p, q] with p s + u d = h + padding, q s + v d = w + padding";

    /// <inheritdoc/>
    public override string Derivative =>
        $"dX[c, p, q] = sum over o, u, v of W[c, o, u, v] dY~[o, p s + u d, q s + v d],  dW[c, o, u, v] += sum over p, q of x[c, p, q] dY~[o, p s + u d, q s + v d]{(Bias is null ? "" : ",  db[o] += sum over h, w of dY[o, h, w]")}";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => OutputShape.Columns;

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new ConvolutionPass<T>(this, training, _back);

    /// <inheritdoc/>
    public override string ToString() => Text(InputShape, OutputShape.Channels, KernelSize, Stride, Padding, OutputPadding, Dilation, Groups, Bias is null ? "no bias" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, OutputShape.Columns);
        // y[o, h, w] = b[o] + Σ_cuv W[c, o, u, v] x[c, p, q] where p s + u d = h + padding and q s + v d = w + padding
        ((ConvolutionPass<T>)pass).Convolution.InputGradient(x.Span(), Weight.Values, Bias is null ? [] : Bias.Values, y.Span(), x.RowCount);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var convolution = ((ConvolutionPass<T>)pass).Convolution;
        var dX = pass.NeedsInputGradient ? pass.NewInputGradient() : null;
        // dX[c, p, q] = Σ_ouv W[c, o, u, v] dỸ[o, p s + u d, q s + v d]
        if (dX is null) convolution.KeepInput(dY.Span(), dY.RowCount);
        else convolution.Forward(dY.Span(), Weight.Values, [], dX.Span(), dY.RowCount);
        // dW[c, o, u, v] += Σ_pq x[c, p, q] dỸ[o, p s + u d, q s + v d]      db[o] += Σ_hw dY[o, h, w]
        if (!Weight.Frozen) convolution.AddWeightGradient(dY.Span(), pass.Input.Span(), Weight.Gradients, dY.RowCount);
        if (Bias is { Frozen: false }) Reductions.AddColumnSums(dY.Span(), dY.RowCount * OutputShape.Height * OutputShape.Width, Bias.Gradients);
        return dX;
    }

    private static string Text(ImageShape input, int outChannels, Size2d kernel, Size2d stride, Padding2d padding, Size2d outputPadding, Size2d dilation, int groups, string bias) => Signature.Call(
        "ConvTranspose2d", $"{input} -> {Signature.Number(outChannels)}", $"kernel {kernel}", stride == 1 ? "" : $"stride {stride}", padding == default ? "" : $"padding {padding}",
        outputPadding == default ? "" : $"output padding {outputPadding}", dilation == 1 ? "" : $"dilation {dilation}", groups == 1 ? "" : $"groups {Signature.Number(groups)}", bias);
}

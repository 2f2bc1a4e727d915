using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A convolution of images: each output channel looks for one pattern everywhere in the image, with the same weights.</summary>
/// <remarks>
/// <para>y[o, p, q] = b[o] + Σ_cuv W[o, c, u, v] x̃[c, p s + u d, q s + v d], where x̃ is the image with its padding, s the stride and d the dilation; c runs over the input channels of o's group.</para>
/// <para>Shapes: x (n x in H W), W (out x in/groups kh kw; in files out, in/groups, kh, kw), b (out), y (n x out P Q) with P = ⌊(H + top + bottom - d (kh - 1) - 1) / s⌋ + 1 and Q likewise.
/// A row is an image, see <see cref="ImageShape"/>; the layer is told its shape, and tells the next one <see cref="OutputShape"/>.</para>
/// <para>Derivatives: dx̃[c, h, w] = Σ_ouv W[o, c, u, v] dY[o, p, q] over all o, u, v with p s + u d = h and q s + v d = w: what a pixel gave, it gets back. dX adds up the places in x̃ that a
/// pixel stands in. dW[o, c, u, v] += Σ_pq dY[o, p, q] x̃[c, p s + u d, q s + v d] and db[o] += Σ_pq dY[o, p, q], over all samples. CHAIN-RULE.md, "Conv2d".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html">torch.nn.Conv2d</see>.
/// Source: Y. LeCun et al., Backpropagation applied to handwritten zip code recognition, Neural Computation 1, 1989.</para>
/// </remarks>
/// <example><code>
/// var conv = new Conv2d&lt;double&gt;(new ImageShape(1, 28, 28), 16, kernelSize: 3, padding: 1);
/// var pool = new MaxPool2d&lt;double&gt;(conv.OutputShape, 2);
/// var model = new Sequential&lt;double&gt;(conv, new ReLU&lt;double&gt;(), pool, new Linear&lt;double&gt;(pool.OutputShape.Columns, 10));
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Conv2d<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ConvolutionShape _shape;

    /// <summary>Makes a layer with weight and bias drawn uniformly from ±1/√(in/groups kh kw), as PyTorch does.</summary>
    /// <param name="inputShape">Channels, height and width of an image.</param>
    /// <param name="outChannels">Channels of the output, at least 1.</param>
    /// <param name="kernelSize">kh and kw, each at least 1.</param>
    /// <param name="stride">s, each at least 1; 1 where none is given.</param>
    /// <param name="padding">Pixels around the image; <see cref="Padding2d.Same"/> for an output of the image's size.</param>
    /// <param name="dilation">d, each at least 1; 1 where none is given.</param>
    /// <param name="groups">In how many groups the channels are convolved apart from each other; divides both numbers of channels.</param>
    /// <param name="bias">Whether to add a bias.</param>
    /// <param name="paddingMode">What the padding shows.</param>
    /// <param name="generator">Draws the values, weight first; <see cref="Generator.Default"/> where none is given.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, a padding negative, or an image larger than a matrix can be.</exception>
    /// <exception cref="ArgumentException">The kernel does not fit into the image with its padding, the groups do not divide the channels, or there is more padding than the image has to show.</exception>
    public Conv2d(
        ImageShape inputShape, int outChannels, Size2d kernelSize, Size2d? stride = null, Padding2d padding = default, Size2d? dilation = null, int groups = 1, bool bias = true,
        PaddingMode paddingMode = PaddingMode.Zeros, Generator? generator = null)
    {
        _shape = ConvolutionSizes.Of(
            Text(inputShape, outChannels, kernelSize, stride ?? 1, padding, dilation ?? 1, groups, paddingMode, ""),
            inputShape, nameof(inputShape), outChannels, kernelSize, stride ?? 1, padding, dilation ?? 1, groups, paddingMode);
        Weight = Register(new MatrixParameter<T>("weight", outChannels, _shape.Taps, outChannels, _shape.InputsOfGroup, kernelSize.Height, kernelSize.Width));
        if (bias) Bias = Register(new VectorParameter<T>("bias", outChannels));

        Init.KaimingUniform(Weight, a: Math.Sqrt(5), generator: generator);
        if (Bias is not null) Init.Uniform(Bias, -1 / Math.Sqrt(_shape.Taps), 1 / Math.Sqrt(_shape.Taps), generator);
    }

    /// <summary>W, out x (in/groups kh kw).</summary>
    public MatrixParameter<T> Weight { get; }

    /// <summary>b, out; null without a bias.</summary>
    public VectorParameter<T>? Bias { get; }

    /// <summary>Channels, height and width of an input.</summary>
    public ImageShape InputShape => _shape.Input;

    /// <summary>Channels, height and width of an output.</summary>
    public ImageShape OutputShape => _shape.Output;

    /// <summary>kh and kw.</summary>
    public Size2d KernelSize => _shape.Kernel;

    /// <summary>s, from one place of the kernel to the next.</summary>
    public Size2d Stride => _shape.Stride;

    /// <summary>Pixels around the image.</summary>
    public Padding2d Padding => _shape.Padding;

    /// <summary>d, from one pixel that the kernel looks at to the next.</summary>
    public Size2d Dilation => _shape.Dilation;

    /// <summary>In how many groups the channels are convolved apart from each other.</summary>
    public int Groups => _shape.Groups;

    /// <summary>What the padding shows.</summary>
    public PaddingMode PaddingMode => _shape.Mode;

    /// <inheritdoc/>
    public override int? InputColumns => InputShape.Columns;

    /// <inheritdoc/>
    public override string Formula => $"y[o, p, q] = {(Bias is null ? "" : "b[o] + ")}sum over c, u, v of W[o, c, u, v] x~[c, p s + u d, q s + v d]";

    /// <inheritdoc/>
    public override string Derivative =>
        $"dx~[c, h, w] = sum over o, u, v of W[o, c, u, v] dY[o, p, q] with p s + u d = h, q s + v d = w,  dW[o, c, u, v] += sum over p, q of dY[o, p, q] x~[c, p s + u d, q s + v d]{(Bias is null ? "" : ",  db[o] += sum over p, q of dY[o, p, q]")}";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => OutputShape.Columns;

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new ConvolutionPass<T>(this, training, _shape);

    /// <inheritdoc/>
    public override string ToString() => Text(InputShape, OutputShape.Channels, KernelSize, Stride, Padding, Dilation, Groups, PaddingMode, Bias is null ? "no bias" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, OutputShape.Columns);
        // y[o, p, q] = b[o] + Σ_cuv W[o, c, u, v] x̃[c, p s + u d, q s + v d]
        ((ConvolutionPass<T>)pass).Convolution.Forward(x.Span(), Weight.Values, Bias is null ? [] : Bias.Values, y.Span(), x.RowCount);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var convolution = ((ConvolutionPass<T>)pass).Convolution;
        // dW[o, c, u, v] += Σ_pq dY[o, p, q] x̃[c, p s + u d, q s + v d]      db[o] += Σ_pq dY[o, p, q]
        if (!Weight.Frozen) convolution.AddWeightGradient(pass.Input.Span(), dY.Span(), Weight.Gradients, dY.RowCount);
        if (Bias is { Frozen: false }) Reductions.AddColumnSums(dY.Span(), dY.RowCount * OutputShape.Height * OutputShape.Width, Bias.Gradients);
        if (!pass.NeedsInputGradient) return null;

        var dX = pass.NewInputGradient();
        // dx̃[c, h, w] = Σ_ouv W[o, c, u, v] dY[o, p, q] where p s + u d = h and q s + v d = w
        convolution.InputGradient(dY.Span(), Weight.Values, [], dX.Span(), dY.RowCount);
        return dX;
    }

    private static string Text(ImageShape input, int outChannels, Size2d kernel, Size2d stride, Padding2d padding, Size2d dilation, int groups, PaddingMode mode, string bias) => Signature.Call(
        "Conv2d", $"{input} -> {Signature.Number(outChannels)}", $"kernel {kernel}", stride == 1 ? "" : $"stride {stride}", padding == default ? "" : $"padding {padding}", dilation == 1 ? "" : $"dilation {dilation}",
        groups == 1 ? "" : $"groups {Signature.Number(groups)}", mode == PaddingMode.Zeros ? "" : Signature.Choice(mode), bias);
}

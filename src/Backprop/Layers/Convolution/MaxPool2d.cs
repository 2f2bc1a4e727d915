using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Max pooling: the largest number in each window of each channel.</summary>
/// <remarks>
/// <para>y[c, p, q] = max over u, v of x[c, p s + u d - padding, q s + v d - padding], of the places that lie in the image.</para>
/// <para>Shapes: x (n x C H W), y (n x C P Q) with P = ⌊(H + 2 padding - d (kh - 1) - 1) / s⌋ + 1 and Q likewise, rounded up where <see cref="CeilMode"/> says so and the last window begins in the image. A row is an image, see <see cref="ImageShape"/>.</para>
/// <para>Derivative: dX[c, h, w] = Σ dY[c, p, q] over the windows whose largest number x[c, h, w] was; all others moved nothing. Of several equal ones the first counts, and of what is not a number the last, as in PyTorch.
/// CHAIN-RULE.md, "MaxPool2d".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html">torch.nn.MaxPool2d</see>.</para>
/// </remarks>
/// <example><code>var pool = new MaxPool2d&lt;double&gt;(new ImageShape(16, 28, 28), 2);   // n x (16 28 28) to n x (16 14 14)</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class MaxPool2d<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Windows<T> _rows, _columns;

    /// <summary>Makes a layer.</summary>
    /// <param name="inputShape">Channels, height and width of an image.</param>
    /// <param name="kernelSize">The window's height and width, each at least 1.</param>
    /// <param name="stride">s, from one window to the next; the window's size where none is given.</param>
    /// <param name="padding">Pixels around the image that count for nothing, at most half the window.</param>
    /// <param name="dilation">d, from one pixel of the window to the next; 1 where none is given.</param>
    /// <param name="ceilMode">Whether a last window may reach beyond the image.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, or the padding negative or more than half the window.</exception>
    /// <exception cref="ArgumentException">The window does not fit into the image with its padding.</exception>
    public MaxPool2d(ImageShape inputShape, Size2d kernelSize, Size2d? stride = null, Size2d padding = default, Size2d? dilation = null, bool ceilMode = false)
    {
        (InputShape, KernelSize, Stride, Padding, Dilation, CeilMode) = (inputShape, kernelSize, stride ?? kernelSize, padding, dilation ?? 1, ceilMode);
        if ((long)kernelSize.Height * kernelSize.Width > 1 << 24) throw new ArgumentOutOfRangeException(nameof(kernelSize), $"{this} expects a window of at most 2^24 pixels, whose numbers a float holds.");
        OutputShape = PoolingSizes.Of(ToString(), inputShape, kernelSize, Stride, padding, Dilation, ceilMode);
        _rows = Windows<T>.Moving(inputShape.Height, OutputShape.Height, kernelSize.Height, Stride.Height, padding.Height, Dilation.Height, countPadding: false);
        _columns = Windows<T>.Moving(inputShape.Width, OutputShape.Width, kernelSize.Width, Stride.Width, padding.Width, Dilation.Width, countPadding: false);
    }

    /// <summary>Channels, height and width of an input.</summary>
    public ImageShape InputShape { get; }

    /// <summary>Channels, height and width of an output.</summary>
    public ImageShape OutputShape { get; }

    /// <summary>The window's height and width.</summary>
    public Size2d KernelSize { get; }

    /// <summary>s, from one window to the next.</summary>
    public Size2d Stride { get; }

    /// <summary>Pixels around the image that count for nothing.</summary>
    public Size2d Padding { get; }

    /// <summary>d, from one pixel of the window to the next.</summary>
    public Size2d Dilation { get; }

    /// <summary>Whether a last window may reach beyond the image.</summary>
    public bool CeilMode { get; }

    /// <inheritdoc/>
    public override int? InputColumns => InputShape.Columns;

    /// <inheritdoc/>
    public override string Formula => "y[c, p, q] = max over u, v of x[c, p s + u d - padding, q s + v d - padding]";

    /// <inheritdoc/>
    public override string Derivative => "dX[c, h, w] = sum of dY[c, p, q] over the windows whose largest x[c, h, w] is";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => OutputShape.Columns;

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new MaxPool2dPass<T>(this, training);

    /// <inheritdoc/>
    public override string ToString() => Signature.Call(
        "MaxPool2d", $"{InputShape}", $"kernel {KernelSize}", Stride == KernelSize ? "" : $"stride {Stride}", Padding == default ? "" : $"padding {Padding}", Dilation == 1 ? "" : $"dilation {Dilation}", CeilMode ? "ceil mode" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var (y, places) = (pass.NewOutput(x.RowCount, OutputShape.Columns), ((MaxPool2dPass<T>)pass).NewPlaces(x.RowCount, OutputShape.Columns));
        // y[c, p, q] = max_uv x[c, p s + u d - padding, q s + v d - padding]
        MaxPooling.Forward(x.Span(), y.Span(), places.Span(), InputShape, OutputShape, _rows, _columns, x.RowCount);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient) return null;
        var dX = pass.NewInputGradient();
        // dX[c, h, w] = Σ dY[c, p, q] where x[c, h, w] was the largest
        MaxPooling.Backward<T>(dY.Span(), ((MaxPool2dPass<T>)pass).Places!.Span(), dX.Span(), InputShape, OutputShape, _rows, _columns, dY.RowCount);
        return dX;
    }
}

using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Average pooling: the mean of each window of each channel.</summary>
/// <remarks>
/// <para>y[c, p, q] = Σ_uv x[c, p s + u - padding, q s + v - padding] / m, of the places that lie in the image. m counts the places of the window, those in the padding too where
/// <see cref="CountIncludePad"/> says so, but none beyond it; or is <see cref="DivisorOverride"/>.</para>
/// <para>Shapes: x (n x C H W), y (n x C P Q) with P = ⌊(H + 2 padding - kh) / s⌋ + 1 and Q likewise, rounded up where <see cref="CeilMode"/> says so and the last window begins in the image. A row is an image, see <see cref="ImageShape"/>.</para>
/// <para>Derivative: dX[c, h, w] = Σ dY[c, p, q] / m over the windows that x[c, h, w] lies in. CHAIN-RULE.md, "AvgPool2d".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html">torch.nn.AvgPool2d</see>.</para>
/// </remarks>
/// <example><code>var pool = new AvgPool2d&lt;double&gt;(new ImageShape(16, 28, 28), 2);   // n x (16 28 28) to n x (16 14 14)</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class AvgPool2d<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Windows<T> _rows, _columns;

    /// <summary>Makes a layer.</summary>
    /// <param name="inputShape">Channels, height and width of an image.</param>
    /// <param name="kernelSize">The window's height and width, each at least 1.</param>
    /// <param name="stride">s, from one window to the next; the window's size where none is given.</param>
    /// <param name="padding">Pixels of zeros around the image, at most half the window.</param>
    /// <param name="ceilMode">Whether a last window may reach beyond the image.</param>
    /// <param name="countIncludePad">Whether the zeros count in the mean.</param>
    /// <param name="divisorOverride">What sums are divided by, at least 1; null for how many numbers there are.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size or the divisor is below 1, or the padding negative or more than half the window.</exception>
    /// <exception cref="ArgumentException">The window does not fit into the image with its padding.</exception>
    public AvgPool2d(ImageShape inputShape, Size2d kernelSize, Size2d? stride = null, Size2d padding = default, bool ceilMode = false, bool countIncludePad = true, int? divisorOverride = null)
    {
        (InputShape, KernelSize, Stride, Padding, CeilMode, CountIncludePad, DivisorOverride) = (inputShape, kernelSize, stride ?? kernelSize, padding, ceilMode, countIncludePad, divisorOverride);
        OutputShape = PoolingSizes.Of(ToString(), inputShape, kernelSize, Stride, padding, 1, ceilMode);
        if (divisorOverride is int divisor) Expect.Positive(this, divisor, nameof(divisorOverride));
        _rows = Windows<T>.Moving(inputShape.Height, OutputShape.Height, kernelSize.Height, Stride.Height, padding.Height, 1, countIncludePad);
        _columns = Windows<T>.Moving(inputShape.Width, OutputShape.Width, kernelSize.Width, Stride.Width, padding.Width, 1, countIncludePad);
    }

    /// <summary>Channels, height and width of an input.</summary>
    public ImageShape InputShape { get; }

    /// <summary>Channels, height and width of an output.</summary>
    public ImageShape OutputShape { get; }

    /// <summary>The window's height and width.</summary>
    public Size2d KernelSize { get; }

    /// <summary>s, from one window to the next.</summary>
    public Size2d Stride { get; }

    /// <summary>Pixels of zeros around the image.</summary>
    public Size2d Padding { get; }

    /// <summary>Whether a last window may reach beyond the image.</summary>
    public bool CeilMode { get; }

    /// <summary>Whether the zeros of the padding count in the mean.</summary>
    public bool CountIncludePad { get; }

    /// <summary>What sums are divided by; null for how many numbers there are.</summary>
    public int? DivisorOverride { get; }

    /// <inheritdoc/>
    public override int? InputColumns => InputShape.Columns;

    /// <inheritdoc/>
    public override string Formula => "y[c, p, q] = sum over u, v of x[c, p s + u - padding, q s + v - padding] / m";

    /// <inheritdoc/>
    public override string Derivative => "dX[c, h, w] = sum of dY[c, p, q] / m over the windows that x[c, h, w] lies in";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => OutputShape.Columns;

    /// <inheritdoc/>
    public override string ToString() => Signature.Call(
        "AvgPool2d", $"{InputShape}", $"kernel {KernelSize}", Stride == KernelSize ? "" : $"stride {Stride}", Padding == default ? "" : $"padding {Padding}", CeilMode ? "ceil mode" : "",
        CountIncludePad ? "" : "without padding in the mean", DivisorOverride is int divisor ? $"divisor {Signature.Number(divisor)}" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, OutputShape.Columns);
        // y[c, p, q] = Σ_uv x[c, p s + u - padding, q s + v - padding] / m
        Resampling.Forward(x.Span(), y.Span(), InputShape, OutputShape, _rows, _columns, DivisorOverride, x.RowCount);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient) return null;
        var dX = pass.NewInputGradient();
        // dX[c, h, w] = Σ dY[c, p, q] / m
        Resampling.Backward(dY.Span(), dX.Span(), InputShape, OutputShape, _rows, _columns, DivisorOverride, dY.RowCount);
        return dX;
    }
}

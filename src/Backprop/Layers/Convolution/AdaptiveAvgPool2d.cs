using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Average pooling to an output of a given size, whatever the size of the image: with one pixel, the mean of each channel.</summary>
/// <remarks>
/// <para>y[c, p, q] is the mean of x[c, h, w] over ⌊p H / P⌋ ≤ h &lt; ⌈(p + 1) H / P⌉ and w likewise; where P does not divide H, neighbouring windows share a row.</para>
/// <para>Shapes: x (n x C H W), y (n x C P Q). A row is an image, see <see cref="ImageShape"/>.</para>
/// <para>Derivative: dX[c, h, w] = Σ dY[c, p, q] / m over the windows that x[c, h, w] lies in, m numbers in each. CHAIN-RULE.md, "AvgPool2d".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html">torch.nn.AdaptiveAvgPool2d</see>.
/// Source of the mean of each channel as a network's last step: M. Lin, Q. Chen and S. Yan, Network in network, 2013.</para>
/// </remarks>
/// <example><code>var pool = new AdaptiveAvgPool2d&lt;double&gt;(new ImageShape(16, 7, 7), 1);   // n x (16 7 7) to n x 16</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class AdaptiveAvgPool2d<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Windows<T> _rows, _columns;

    /// <summary>Makes a layer.</summary>
    /// <param name="inputShape">Channels, height and width of an image.</param>
    /// <param name="outputSize">P and Q, each at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, or an image larger than a matrix can be.</exception>
    public AdaptiveAvgPool2d(ImageShape inputShape, Size2d outputSize)
    {
        (InputShape, OutputShape) = (inputShape, new(inputShape.Channels, outputSize.Height, outputSize.Width));
        inputShape.Require(ToString(), nameof(inputShape));
        ConvolutionSizes.AtLeastOne(ToString(), outputSize, nameof(outputSize));
        OutputShape.Require(ToString(), nameof(outputSize));
        (_rows, _columns) = (Windows<T>.Adaptive(inputShape.Height, outputSize.Height), Windows<T>.Adaptive(inputShape.Width, outputSize.Width));
    }

    /// <summary>Channels, height and width of an input.</summary>
    public ImageShape InputShape { get; }

    /// <summary>Channels, height and width of an output.</summary>
    public ImageShape OutputShape { get; }

    /// <inheritdoc/>
    public override int? InputColumns => InputShape.Columns;

    /// <inheritdoc/>
    public override string Formula => "y[c, p, q] = mean of x[c, h, w] over floor(p H / P) <= h < ceil((p + 1) H / P), w likewise";

    /// <inheritdoc/>
    public override string Derivative => "dX[c, h, w] = sum of dY[c, p, q] / m over the windows that x[c, h, w] lies in";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => OutputShape.Columns;

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("AdaptiveAvgPool2d", $"{InputShape} -> {OutputShape}");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, OutputShape.Columns);
        // y[c, p, q] = Σ_hw x[c, h, w] / m
        Resampling.Forward(x.Span(), y.Span(), InputShape, OutputShape, _rows, _columns, null, x.RowCount);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient) return null;
        var dX = pass.NewInputGradient();
        // dX[c, h, w] = Σ dY[c, p, q] / m
        Resampling.Backward(dY.Span(), dX.Span(), InputShape, OutputShape, _rows, _columns, null, dY.RowCount);
        return dX;
    }
}

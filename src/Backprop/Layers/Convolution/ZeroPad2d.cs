using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>An image with zeros around it.</summary>
/// <remarks>
/// <para>y[c, h + top, w + left] = x[c, h, w], and 0 elsewhere.</para>
/// <para>Shapes: x (n x C H W), y (n x C (H + top + bottom) (W + left + right)). A row is an image, see <see cref="ImageShape"/>. A negative padding, which PyTorch takes to cut pixels off, is refused.</para>
/// <para>Derivative: dX[c, h, w] = dY[c, h + top, w + left]. CHAIN-RULE.md, "ZeroPad2d".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.ZeroPad2d.html">torch.nn.ZeroPad2d</see>.</para>
/// </remarks>
/// <example><code>var pad = new ZeroPad2d&lt;double&gt;(new ImageShape(1, 8, 8), new Padding2d(Left: 1, Right: 0, Top: 2, Bottom: 0));</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class ZeroPad2d<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer.</summary>
    /// <param name="inputShape">Channels, height and width of an image.</param>
    /// <param name="padding">Pixels around the image.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, a padding negative, or an image larger than a matrix can be.</exception>
    public ZeroPad2d(ImageShape inputShape, Padding2d padding)
    {
        (InputShape, Padding) = (inputShape, padding);
        inputShape.Require(ToString(), nameof(inputShape));
        ConvolutionSizes.RequirePadding(ToString(), inputShape, padding, PaddingMode.Zeros);
    }

    /// <summary>Channels, height and width of an input.</summary>
    public ImageShape InputShape { get; }

    /// <summary>Channels, height and width of an output.</summary>
    public ImageShape OutputShape => new(InputShape.Channels, InputShape.Height + Padding.Top + Padding.Bottom, InputShape.Width + Padding.Left + Padding.Right);

    /// <summary>Pixels around the image.</summary>
    public Padding2d Padding { get; }

    /// <inheritdoc/>
    public override int? InputColumns => InputShape.Columns;

    /// <inheritdoc/>
    public override string Formula => "y[c, h + top, w + left] = x[c, h, w],  y = 0 elsewhere";

    /// <inheritdoc/>
    public override string Derivative => "dX[c, h, w] = dY[c, h + top, w + left]";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => OutputShape.Columns;

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("ZeroPad2d", $"{InputShape}", $"{Padding}");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, OutputShape.Columns);
        // y[c, h + top, w + left] = x[c, h, w]      y = 0 elsewhere
        y.Span().Clear();
        for (var line = 0; line < InputShape.Channels * InputShape.Height; line++) LineOf(x, line).CopyTo(InnerLineOf(y, line));
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient) return null;
        var dX = pass.NewInputGradient();
        // dX[c, h, w] = dY[c, h + top, w + left]
        for (var line = 0; line < InputShape.Channels * InputShape.Height; line++) InnerLineOf(dY, line).CopyTo(LineOf(dX, line));
        return dX;
    }

    // A row of pixels of all samples: they lie side by side.
    private Span<T> LineOf(Matrix<T> image, int line) => image.Span().Slice(line * InputShape.Width * image.RowCount, InputShape.Width * image.RowCount);

    private Span<T> InnerLineOf(Matrix<T> padded, int line)
    {
        var (channel, h) = (line / InputShape.Height, line % InputShape.Height);
        var column = (channel * OutputShape.Height + h + Padding.Top) * OutputShape.Width + Padding.Left;
        return padded.Span().Slice(column * padded.RowCount, InputShape.Width * padded.RowCount);
    }
}

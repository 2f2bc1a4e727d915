using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>An image of another size, usually a larger one: of the nearest pixels, or of four neighbours each.</summary>
/// <remarks>
/// <para>y[c, p, q] = Σ_h Σ_w a_ph b_qw x[c, h, w]. Nearest: a_ph = 1 where h = ⌊p H / P⌋, else 0. Bilinear: with t = max(0, (p + ½) H / P - ½), or t = p (H - 1) / (P - 1) where the corners are aligned,
/// a_ph = 1 - (t - ⌊t⌋) for h = ⌊t⌋ and t - ⌊t⌋ for the next row, or the last one again; b likewise along the width.</para>
/// <para>Shapes: x (n x C H W), y (n x C P Q). A row is an image, see <see cref="ImageShape"/>.</para>
/// <para>Derivative: dX[c, h, w] = Σ_pq a_ph b_qw dY[c, p, q]. CHAIN-RULE.md, "Upsample".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Upsample.html">torch.nn.Upsample</see> with a size.</para>
/// </remarks>
/// <example><code>var up = new Upsample&lt;double&gt;(new ImageShape(16, 7, 7), (14, 14), UpsampleMode.Bilinear);</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Upsample<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Windows<T> _rows, _columns;

    /// <summary>Makes a layer.</summary>
    /// <param name="inputShape">Channels, height and width of an image.</param>
    /// <param name="size">P and Q, each at least 1.</param>
    /// <param name="mode">What stands between the pixels.</param>
    /// <param name="alignCorners">Bilinear: whether the corners' pixels stay in the corners, rather than the image's edges.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, the mode unknown, or an image larger than a matrix can be.</exception>
    /// <exception cref="ArgumentException">Corners are aligned by nearest pixels.</exception>
    public Upsample(ImageShape inputShape, Size2d size, UpsampleMode mode = UpsampleMode.Nearest, bool alignCorners = false)
    {
        (InputShape, OutputShape, Mode, AlignCorners) = (inputShape, new(inputShape.Channels, size.Height, size.Width), mode, alignCorners);
        inputShape.Require(ToString(), nameof(inputShape));
        ConvolutionSizes.AtLeastOne(ToString(), size, nameof(size));
        OutputShape.Require(ToString(), nameof(size));
        Expect.Defined(ToString(), mode);
        if (alignCorners && mode != UpsampleMode.Bilinear) throw new ArgumentException($"{this} expects alignCorners with the mode Bilinear alone.", nameof(alignCorners));
        (_rows, _columns) = mode == UpsampleMode.Nearest
            ? (Windows<T>.Nearest(inputShape.Height, size.Height), Windows<T>.Nearest(inputShape.Width, size.Width))
            : (Windows<T>.Linear(inputShape.Height, size.Height, alignCorners), Windows<T>.Linear(inputShape.Width, size.Width, alignCorners));
    }

    /// <summary>Channels, height and width of an input.</summary>
    public ImageShape InputShape { get; }

    /// <summary>Channels, height and width of an output.</summary>
    public ImageShape OutputShape { get; }

    /// <summary>What stands between the pixels.</summary>
    public UpsampleMode Mode { get; }

    /// <summary>Whether the corners' pixels stay in the corners.</summary>
    public bool AlignCorners { get; }

    /// <inheritdoc/>
    public override int? InputColumns => InputShape.Columns;

    /// <inheritdoc/>
    public override string Formula => Mode == UpsampleMode.Nearest ? "y[c, p, q] = x[c, floor(p H / P), floor(q W / Q)]" : "y[c, p, q] = sum over h, w of a_ph b_qw x[c, h, w]";

    /// <inheritdoc/>
    public override string Derivative => Mode == UpsampleMode.Nearest
        ? "dX[c, h, w] = sum of dY[c, p, q] over the pixels that x[c, h, w] is the nearest to"
        : "dX[c, h, w] = sum over p, q of a_ph b_qw dY[c, p, q]";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => OutputShape.Columns;

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("Upsample", $"{InputShape} -> {OutputShape}", Mode == UpsampleMode.Nearest ? "" : Signature.Choice(Mode), AlignCorners ? "corners aligned" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, OutputShape.Columns);
        // y[c, p, q] = Σ_h Σ_w a_ph b_qw x[c, h, w]
        Resampling.Forward(x.Span(), y.Span(), InputShape, OutputShape, _rows, _columns, null, x.RowCount);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient) return null;
        var dX = pass.NewInputGradient();
        // dX[c, h, w] = Σ_pq a_ph b_qw dY[c, p, q]
        Resampling.Backward(dY.Span(), dX.Span(), InputShape, OutputShape, _rows, _columns, null, dY.RowCount);
        return dX;
    }
}

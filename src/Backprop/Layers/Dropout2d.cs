using System.Numerics;
using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Dropout of whole channels of images: neighbouring pixels say much the same, so dropping some of them would drop little.</summary>
/// <remarks>
/// <para>In training y[i, c, h, w] = x[i, c, h, w] mask[i, c], where the mask is 0 with probability p and else 1/(1 - p); in evaluation y = x.</para>
/// <para>Shapes: x and y (n x C H W), the mask (n x C). A row is an image, see <see cref="ImageShape"/>.</para>
/// <para>Derivative: dX[i, c, h, w] = dY[i, c, h, w] mask[i, c]; in evaluation dX = dY. CHAIN-RULE.md, "Dropout2d".</para>
/// <para>The mask is drawn anew in each forward pass in training, sample after sample, 1/(1 - p) where <see cref="Generator.Bernoulli{T}(Matrix{T}, double)"/> gives 1, so the same seed gives PyTorch's mask under the conditions
/// named there. p = 0 and p = 1 draw nothing, as in PyTorch. Where nothing is dropped, y is x and dX is dY, the same matrices and no copies.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout2d.html">torch.nn.Dropout2d</see>.
/// Source: J. Tompson et al., Efficient object localization using convolutional networks, CVPR 2015.</para>
/// </remarks>
/// <example><code>var dropout = new Dropout2d&lt;double&gt;(16, 0.2, new Generator(seed: 42));   // of images with 16 channels, of any size</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Dropout2d<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Generator _generator;

    /// <summary>Makes a layer.</summary>
    /// <param name="channels">C, at least 1; divides the columns of the input.</param>
    /// <param name="p">The probability of dropping a channel, from 0 to 1.</param>
    /// <param name="generator">Draws the masks; <see cref="Generator.Default"/> where none is given.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number of channels is below 1, or p is not from 0 to 1.</exception>
    public Dropout2d(int channels, double p = 0.5, Generator? generator = null) =>
        (Channels, P, _generator) = (Expect.Positive("Dropout2d", channels, nameof(channels)), Expect.Fraction("Dropout2d", p), Register(generator ?? Generator.Default));

    /// <summary>C.</summary>
    public int Channels { get; }

    /// <summary>The probability of dropping a channel.</summary>
    public double P { get; }

    /// <inheritdoc/>
    public override string Formula => "y[c, h, w] = x[c, h, w] mask[c],  mask = 0 with probability p, else 1/(1 - p); in evaluation y = x";

    /// <inheritdoc/>
    public override string Derivative => "dX[c, h, w] = dY[c, h, w] mask[c]; in evaluation dX = dY";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => inputColumns % Channels == 0
        ? inputColumns
        : throw new ArgumentException($"{this} expects columns that are a multiple of its {Channels} channels, but there are {inputColumns}.");

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new DropoutPass<T>(this, training);

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("Dropout2d", Signature.Number(Channels), Signature.Number(P));

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        if (!Drops(pass)) return x;
        var (y, mask) = (pass.NewOutput(x.RowCount, x.ColumnCount), ((DropoutPass<T>)pass).NewMask(x.RowCount, Channels));
        // mask = bernoulli(1 - p) / (1 - p); where p is 1 it stays 0, as it was made
        if (P < 1)
        {
            _generator.Bernoulli(mask, 1 - P);
            TensorPrimitives.Divide(mask.Span(), T.CreateSaturating(1 - P), mask.Span());
        }

        // y[c, h, w] = x[c, h, w] mask[c]
        Multiply(x, mask, y);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!Drops(pass)) return dY;
        if (!pass.NeedsInputGradient) return null;
        var dX = pass.NewInputGradient();
        // dX[c, h, w] = dY[c, h, w] mask[c]
        Multiply(dY, ((DropoutPass<T>)pass).Mask!, dX);
        return dX;
    }

    private bool Drops(ForwardPass<T> pass) => pass.Training && P > 0;

    private void Multiply(Matrix<T> image, Matrix<T> mask, Matrix<T> result)
    {
        var (samples, pixels) = (image.RowCount, image.ColumnCount / Channels);
        for (var column = 0; column < image.ColumnCount; column++)
            TensorPrimitives.Multiply<T>(image.Span().Slice(column * samples, samples), mask.Span().Slice(column / pixels * samples, samples), result.Span().Slice(column * samples, samples));
    }
}

using System.Numerics;
using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Dropout: in training y = x ⊙ mask, where the mask is 0 with probability p and else 1/(1 - p); in evaluation y = x.</summary>
/// <remarks>
/// <para>The factor makes y what x is on average, so evaluation needs none. Shapes: x, y and the mask (n x m), any m.</para>
/// <para>Derivative: dX = dY ⊙ mask; in evaluation dX = dY. CHAIN-RULE.md, "Dropout".</para>
/// <para>The mask is drawn anew in each forward pass in training, row after row, 1/(1 - p) where <see cref="Generator.Bernoulli{T}(Matrix{T}, double)"/>
/// gives 1, so the same seed gives PyTorch's mask under the conditions named there. p = 0 and p = 1 draw nothing, as in PyTorch.</para>
/// <para>Where nothing is dropped, y is x and dX is dY, the same matrices and no copies.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html">torch.nn.Dropout</see>.
/// Source: N. Srivastava et al., Dropout, JMLR 15, 2014.</para>
/// </remarks>
/// <example><code>var dropout = new Dropout&lt;double&gt;(0.2, new Generator(seed: 42));</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Dropout<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Generator _generator;

    /// <summary>Makes a layer.</summary>
    /// <param name="p">The probability of dropping an entry, from 0 to 1.</param>
    /// <param name="generator">Draws the masks; <see cref="Generator.Default"/> where none is given.</param>
    /// <exception cref="ArgumentOutOfRangeException">p is not from 0 to 1.</exception>
    public Dropout(double p = 0.5, Generator? generator = null) => (P, _generator) = (Expect.Fraction("Dropout", p), Register(generator ?? Generator.Default));

    /// <summary>The probability of dropping an entry.</summary>
    public double P { get; }

    /// <inheritdoc/>
    public override string Formula => "y = x * mask,  mask = 0 with probability p, else 1/(1 - p); in evaluation y = x";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY * mask; in evaluation dX = dY";

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new DropoutPass<T>(this, training);

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("Dropout", Signature.Number(P));

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        if (!Drops(pass)) return x;
        var (y, mask) = (pass.NewOutput(x.RowCount, x.ColumnCount), ((DropoutPass<T>)pass).NewMask(x.RowCount, x.ColumnCount));
        // mask = bernoulli(1 - p) / (1 - p); where p is 1 it stays 0, as it was made
        if (P < 1)
        {
            _generator.Bernoulli(mask, 1 - P);
            TensorPrimitives.Divide(mask.Span(), T.CreateSaturating(1 - P), mask.Span());
        }

        // y = x ⊙ mask
        TensorPrimitives.Multiply<T>(x.Span(), mask.Span(), y.Span());
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!Drops(pass)) return dY;
        if (!pass.NeedsInputGradient) return null;
        var dX = pass.NewInputGradient();
        // dX = dY ⊙ mask
        TensorPrimitives.Multiply<T>(dY.Span(), ((DropoutPass<T>)pass).Mask!.Span(), dX.Span());
        return dX;
    }

    private bool Drops(ForwardPass<T> pass) => pass.Training && P > 0;
}

using System.Globalization;
using System.Numerics;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>An embedding: each index is replaced by the row of W that it names.</summary>
/// <remarks>
/// <para>Shapes: x holds indices (n x positions), whole numbers from 0 to v - 1; W (v x d); y (n x positions d): the vectors of a sample's
/// positions stand one after the other, y[i, q d + k] = W[x[i, q], k].</para>
/// <para>Derivatives: dW[x[i, q], k] += dY[i, q d + k], so a row named twice adds up; the padding row's gradient stays as it is. An index is no
/// quantity, so dX is 0. CHAIN-RULE.md, "Embedding".</para>
/// <para>A float holds every whole number up to 2^24 exactly, a double up to 2^53.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html">torch.nn.Embedding</see>, whose output
/// (n x positions x d) has the same order in memory.</para>
/// </remarks>
/// <example><code>var y = new Embedding&lt;double&gt;(1000, 8).Forward(x);   // x is n x 5 with entries 0 to 999, y is n x 40</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Embedding<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer with a weight drawn from N(0, 1), and zeros in the padding row, as PyTorch does.</summary>
    /// <param name="numEmbeddings">v, how many rows there are to choose from, at least 1.</param>
    /// <param name="embeddingDim">d, the length of each, at least 1.</param>
    /// <param name="paddingIdx">A row that stands for nothing: it starts with zeros and gets no gradient. From -v to v - 1; a negative one counts from the end.</param>
    /// <param name="generator">Draws the weight; <see cref="Generator.Default"/> where none is given.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, or the padding index names no row.</exception>
    public Embedding(int numEmbeddings, int embeddingDim, int? paddingIdx = null, Generator? generator = null)
    {
        var owner = Invariant($"Embedding({numEmbeddings}, {embeddingDim})");
        Expect.Positive(owner, numEmbeddings, nameof(numEmbeddings));
        Expect.Positive(owner, embeddingDim, nameof(embeddingDim));
        if (paddingIdx is int index && (index < -numEmbeddings || index >= numEmbeddings))
            throw new ArgumentOutOfRangeException(nameof(paddingIdx), Invariant($"{owner} expects paddingIdx to be from {-numEmbeddings} to {numEmbeddings - 1}, but it is {index}."));
        PaddingIdx = paddingIdx < 0 ? paddingIdx + numEmbeddings : paddingIdx;
        Weight = Register(new MatrixParameter<T>("weight", numEmbeddings, embeddingDim));
        (generator ?? Generator.Default).Normal(Weight.Value);
        if (PaddingIdx is int padding) Weight.Value.ClearRow(padding);
    }

    /// <summary>W, v x d.</summary>
    public MatrixParameter<T> Weight { get; }

    /// <summary>v, how many rows there are to choose from.</summary>
    public int NumEmbeddings => Weight.Value.RowCount;

    /// <summary>d, the length of each.</summary>
    public int EmbeddingDim => Weight.Value.ColumnCount;

    /// <summary>The row that gets no gradient, counted from the start; null without one.</summary>
    public int? PaddingIdx { get; }

    /// <inheritdoc/>
    public override string Formula => "y = W[x]";

    /// <inheritdoc/>
    public override string Derivative => $"dW[x] += dY{(PaddingIdx is int padding ? $" where x is not {padding}" : "")},  dX = 0";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => inputColumns * EmbeddingDim;

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new EmbeddingPass<T>(this, training);

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("Embedding", $"{NumEmbeddings}, {EmbeddingDim}", PaddingIdx is int padding ? $"padding {padding}" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var indices = ((EmbeddingPass<T>)pass).NewIndices(x.RowCount * x.ColumnCount);
        Read(x, indices);
        var y = pass.NewOutput(x.RowCount, x.ColumnCount * EmbeddingDim);
        Span<T> ys = y.Span(), w = Weight.Values;
        // y[i, q d + k] = W[x[i, q], k]
        for (var (q, n) = (0, x.RowCount); q < x.ColumnCount; q++)
        {
            var rows = indices.Slice(q * n, n);
            for (var k = 0; k < EmbeddingDim; k++)
            {
                Span<T> column = ys.Slice((q * EmbeddingDim + k) * n, n), table = w.Slice(k * NumEmbeddings, NumEmbeddings);
                for (var i = 0; i < n; i++) column[i] = table[rows[i]];
            }
        }

        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var indices = ((EmbeddingPass<T>)pass).Indices;
        Span<T> dYs = dY.Span(), dW = Weight.Gradients;
        // dW[x[i, q], k] += dY[i, q d + k]
        for (var (q, n) = (0, dY.RowCount); q < pass.Input.ColumnCount && !Weight.Frozen; q++)
        {
            var rows = indices.Slice(q * n, n);
            for (var k = 0; k < EmbeddingDim; k++)
            {
                Span<T> column = dYs.Slice((q * EmbeddingDim + k) * n, n), table = dW.Slice(k * NumEmbeddings, NumEmbeddings);
                for (var i = 0; i < n; i++)
                    if (rows[i] != PaddingIdx) table[rows[i]] += column[i];
            }
        }

        if (!pass.NeedsInputGradient) return null;
        var dX = pass.NewInputGradient();
        dX.Clear();
        return dX;
    }

    // All of them before anything is computed.
    private void Read(Matrix<T> x, Span<int> indices)
    {
        Span<T> xs = x.Span();
        var count = T.CreateChecked(NumEmbeddings);
        for (var i = 0; i < xs.Length; i++)
        {
            if (!(xs[i] >= T.Zero && xs[i] < count && T.IsInteger(xs[i])))
            {
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                    $"{this} expects whole numbers from 0 to {NumEmbeddings - 1}, but x[{i % x.RowCount}, {i / x.RowCount}] is {xs[i]}."), nameof(x));
            }

            indices[i] = int.CreateTruncating(xs[i]);
        }
    }
}

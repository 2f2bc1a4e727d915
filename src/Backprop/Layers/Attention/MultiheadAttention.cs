using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>Self-attention in several heads: each step of a sequence asks the others, and takes of each as much as it answers.</summary>
/// <remarks>
/// <para>[Q K V] = x W^T + b; then <see cref="ScaledDotProductAttention{T}"/>, the child named <c>attention</c>, O = softmax(Q K^T / √d) V in each head; then a linear layer, the child named
/// <c>out_proj</c>, y = O W_o^T + b_o. Which steps see which, lengths, dropout and turns are told there.</para>
/// <para>Shapes: a sequence is T consecutive rows; x (n T x e), W (3 e x e), b (3 e), W_o (e x e), b_o (e), y (n T x e). Names are PyTorch's: in_proj_weight, in_proj_bias, out_proj.weight, out_proj.bias.</para>
/// <para>Derivatives: dX = d[Q K V] W, dW += d[Q K V]^T x, db += the sum over the rows of d[Q K V]. CHAIN-RULE.md, "MultiheadAttention".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html">torch.nn.MultiheadAttention</see> with <c>batch_first=True</c> and the same for query, key and value.
/// Source: A. Vaswani et al., Attention is all you need, NeurIPS 2017.</para>
/// </remarks>
/// <example><code>
/// var layer = new MultiheadAttention&lt;double&gt;(embedDim: 64, numHeads: 4, maxSteps: 32, causal: true);
/// var pass = layer.NewPass();
/// var y = layer.Forward(x, pass);            // x and y are n 32 x 64
/// var weights = ((AttentionPass&lt;double&gt;)pass["attention"]).Weights(sequence: 0, head: 1);
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class MultiheadAttention<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer as PyTorch does: <c>out_proj.weight</c> is drawn uniformly from ±1/√e, in_proj_weight by Xavier's rule, and the biases are 0.</summary>
    /// <param name="embedDim">e, columns of the input and output, at least 1.</param>
    /// <param name="numHeads">Heads, a divisor of e.</param>
    /// <param name="maxSteps">T, the rows of a sequence, at least 1.</param>
    /// <param name="causal">Whether a step sees only itself and those before it.</param>
    /// <param name="dropout">The probability of dropping a weight of the attention in training, from 0 to 1.</param>
    /// <param name="bias">Whether to add biases.</param>
    /// <param name="rotaryBase">Turns queries and keys by their step; see <see cref="ScaledDotProductAttention{T}"/>. PyTorch's layer has nothing like it.</param>
    /// <param name="generator">Draws the values, and what is dropped; <see cref="Generator.Default"/> where none is given.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, the probability is not from 0 to 1, or the base is not above 0.</exception>
    /// <exception cref="ArgumentException">The heads do not divide e; or a head has an odd number of columns and a rotary base.</exception>
    public MultiheadAttention(int embedDim, int numHeads, int maxSteps, bool causal = false, double dropout = 0, bool bias = true, double? rotaryBase = null, Generator? generator = null)
    {
        Attention = Register("attention", new ScaledDotProductAttention<T>(embedDim, numHeads, maxSteps, causal, dropout, rotaryBase, generator));
        InProjWeight = Register(new MatrixParameter<T>("in_proj_weight", 3 * embedDim, embedDim));
        if (bias) InProjBias = Register(new VectorParameter<T>("in_proj_bias", 3 * embedDim));
        OutProj = Register("out_proj", new Linear<T>(embedDim, embedDim, bias, generator));      // which draws first, its bias too
        Init.XavierUniform(InProjWeight, generator: generator);
        OutProj.Bias?.Values.Clear();
    }

    /// <summary>W, 3 e x e: the rows for the queries, then for the keys, then for the values.</summary>
    public MatrixParameter<T> InProjWeight { get; }

    /// <summary>b, 3 e; null without biases.</summary>
    public VectorParameter<T>? InProjBias { get; }

    /// <summary>What mixes the heads: W_o and b_o.</summary>
    public Linear<T> OutProj { get; }

    /// <summary>What mixes the steps.</summary>
    public ScaledDotProductAttention<T> Attention { get; }

    /// <summary>e, columns of the input and output.</summary>
    public int EmbedDim => Attention.EmbedDim;

    /// <inheritdoc/>
    public override int? InputColumns => EmbedDim;

    /// <inheritdoc/>
    public override string Formula => $"y = O W_o^T{(InProjBias is null ? "" : " + b_o")},  O = attention([Q K V]),  [Q K V] = x W^T{(InProjBias is null ? "" : " + b")}";

    /// <inheritdoc/>
    public override string Derivative => $"dX = d[Q K V] W,  dW += d[Q K V]^T x{(InProjBias is null ? "" : ",  db += sum over rows of d[Q K V]")},  d[Q K V] = dattention(dO),  dO = dY W_o,  dW_o += dY^T O{(InProjBias is null ? "" : ",  db_o += sum over rows of dY")}";

    /// <inheritdoc/>
    public override int OutputRows(int inputRows) => Children[0].OutputRows(inputRows);

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new MultiheadAttentionPass<T>(this, training);

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("MultiheadAttention", Invariant($"{EmbedDim}, {Attention.NumHeads} heads, {Attention.MaxSteps} steps"), Attention.Causal ? "causal" : "",
        Attention.Dropout == 0 ? "" : $"dropout {Signature.Number(Attention.Dropout)}", InProjBias is null ? "no bias" : "", Attention.RotaryBase is double @base ? $"rotary {Signature.Number(@base)}" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var projected = ((MultiheadAttentionPass<T>)pass).Projected(x.RowCount, 3 * EmbedDim);
        // [Q K V] = x W^T + b
        Products.TimesTransposed(x.Span(), InProjWeight.Values, InProjBias is null ? [] : InProjBias.Values, projected.Span(), x.RowCount, EmbedDim, 3 * EmbedDim);
        // O = attention([Q K V]),  y = O W_o^T + b_o
        return pass.Steps[1].Forward(pass.Steps[0].Forward(projected));
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var needed = pass.NeedsInputGradient || !InProjWeight.Frozen || InProjBias is { Frozen: false };
        if (!needed && !pass.Steps[1].Learns) return null;
        var dO = pass.Steps[1].Backward(dY, needed);
        if (!needed) return null;

        var (dProjected, rows) = (pass.Steps[0].Backward(dO!)!, dY.RowCount);
        // dW += d[Q K V]^T x      db += sum over rows of d[Q K V]
        if (!InProjWeight.Frozen) Products.AddTransposeTimes(dProjected.Span(), pass.Input.Span(), InProjWeight.Gradients, rows, 3 * EmbedDim, EmbedDim);
        if (InProjBias is { Frozen: false }) Reductions.AddColumnSums(dProjected.Span(), rows, InProjBias.Gradients);
        if (!pass.NeedsInputGradient) return null;

        var dX = pass.NewInputGradient();
        // dX = d[Q K V] W
        Products.Times(dProjected.Span(), InProjWeight.Values, dX.Span(), rows, 3 * EmbedDim, EmbedDim);
        return dX;
    }
}

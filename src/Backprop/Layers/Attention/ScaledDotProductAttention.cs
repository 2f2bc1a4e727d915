using System.Numerics;
using System.Numerics.Tensors;
using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>Scaled dot-product attention of a sequence to itself, in several heads: A = softmax(Q K^T / √d) and y = A V.</summary>
/// <remarks>
/// <para>A sequence is T consecutive rows. Shapes: x (n T x 3 e), with the queries Q, keys K and values V beside each other, y (n T x e). Each head has d = e / heads columns of each of them, the
/// heads one after the other, and weights A (T x T) of its own. T is the longest: fewer rows than T are one sequence that is shorter.</para>
/// <para>Causal, a step sees itself and those before it; later ones have the weight 0, and times that a value that is NaN or infinite may be NaN: it is for the steps before it that are computed with it, at most 31; in PyTorch for all.
/// Of a sequence with a length (<see cref="ForwardPass{T}.SequenceLengths"/>) no step sees those beyond; they themselves see the others, as in PyTorch, and what comes out there has no meaning.
/// Some key is always seen, as no sequence may be empty. (In PyTorch a row that sees none is NaN.)</para>
/// <para>In training, with a probability for dropout, the weights that V is averaged with are A ⊙ mask, drawn as <see cref="Dropout{T}"/> draws, sequence after sequence, head after head, query
/// after query.</para>
/// <para>With a rotary base b, each pair of columns (2 i, 2 i + 1) of a query or key is turned by the angle t b^(-2 i / d), where t is its step: then Q K^T depends on how far two steps are
/// apart, not on where they are.</para>
/// <para>Derivatives: dV = A^T dY; dA = dY V^T; dS = A (dA - the row's sum of dA A); dQ = dS K / √d; dK = dS^T Q / √d. CHAIN-RULE.md, "ScaledDotProductAttention".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html">torch.nn.functional.scaled_dot_product_attention</see>.
/// Sources: A. Vaswani et al., Attention is all you need, NeurIPS 2017; J. Su et al., RoFormer, 2021.</para>
/// </remarks>
/// <example><code>
/// var attention = new ScaledDotProductAttention&lt;double&gt;(embedDim: 64, numHeads: 4, maxSteps: 32, causal: true);
/// var pass = (AttentionPass&lt;double&gt;)attention.NewPass();
/// var y = attention.Forward(qkv, pass);      // n 32 x 192 gives n 32 x 64
/// var weights = pass.Weights(sequence: 0, head: 1);
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class ScaledDotProductAttention<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Generator? _generator;

    /// <summary>Makes a layer.</summary>
    /// <param name="embedDim">e, columns of Q, of K, of V and of the output, at least 1.</param>
    /// <param name="numHeads">Heads, a divisor of e.</param>
    /// <param name="maxSteps">T, the rows of a sequence, at least 1.</param>
    /// <param name="causal">Whether a step sees only itself and those before it.</param>
    /// <param name="dropout">The probability of dropping a weight in training, from 0 to 1.</param>
    /// <param name="rotaryBase">Turns queries and keys by their step, by angles that are powers of this base, above 0: 10000 is usual. Null for not at all.</param>
    /// <param name="generator">Draws what is dropped; <see cref="Generator.Default"/> where none is given.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, the probability is not from 0 to 1, or the base is not above 0.</exception>
    /// <exception cref="ArgumentException">The heads do not divide e; or a head has an odd number of columns and a rotary base.</exception>
    public ScaledDotProductAttention(int embedDim, int numHeads, int maxSteps, bool causal = false, double dropout = 0, double? rotaryBase = null, Generator? generator = null)
    {
        var owner = Invariant($"ScaledDotProductAttention({embedDim}, {numHeads} heads, {maxSteps} steps)");
        EmbedDim = Expect.Positive(owner, embedDim, nameof(embedDim));
        NumHeads = Expect.Positive(owner, numHeads, nameof(numHeads));
        MaxSteps = Expect.Positive(owner, maxSteps, nameof(maxSteps));
        if (3L * embedDim > Array.MaxLength) throw new ArgumentOutOfRangeException(nameof(embedDim), embedDim, $"{owner} expects an array to have room for a row of Q, K and V.");
        if (embedDim % numHeads != 0) throw new ArgumentException(Invariant($"{owner} expects heads of equal size, but {numHeads} does not divide {embedDim}."), nameof(numHeads));
        (Causal, Dropout) = (causal, Expect.Fraction(owner, dropout));
        if (rotaryBase is double @base)
        {
            RotaryBase = Expect.AboveZero(owner, @base, nameof(rotaryBase));
            if (HeadDim % 2 != 0) throw new ArgumentException(Invariant($"{owner} expects pairs of columns to turn, but a head has {HeadDim}."), nameof(rotaryBase));
            if ((long)maxSteps * HeadDim / 2 > Array.MaxLength) throw new ArgumentException(Invariant($"{owner} expects an array to have room for the turns of all steps, but there are {(long)maxSteps * HeadDim / 2}."), nameof(maxSteps));
        }

        if (dropout > 0) _generator = Register(generator ?? Generator.Default);
    }

    /// <summary>e, columns of Q, of K, of V and of the output.</summary>
    public int EmbedDim { get; }

    /// <summary>How many heads there are.</summary>
    public int NumHeads { get; }

    /// <summary>d, columns of a head.</summary>
    public int HeadDim => EmbedDim / NumHeads;

    /// <summary>T, the rows of a sequence.</summary>
    public int MaxSteps { get; }

    /// <summary>Whether a step sees only itself and those before it.</summary>
    public bool Causal { get; }

    /// <summary>The probability of dropping a weight in training.</summary>
    public double Dropout { get; }

    /// <summary>What the angles by which queries and keys are turned are powers of; null where they are not turned.</summary>
    public double? RotaryBase { get; }

    /// <inheritdoc/>
    public override int? InputColumns => 3 * EmbedDim;

    /// <inheritdoc/>
    public override string Formula => $"y = A V,  A = softmax(Q K^T / sqrt(d)) over {(Causal ? "the steps up to a row's own" : "the steps of a sequence")},  [Q K V] = x, in each head{(RotaryBase is null ? "" : ", Q and K turned by their step")}";

    /// <inheritdoc/>
    public override string Derivative => "dV = A^T dY,  dQ = dS K / sqrt(d),  dK = dS^T Q / sqrt(d),  dS = A * (dA - sum over the row of dA * A),  dA = dY V^T";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => EmbedDim;

    internal override int RowsOfSequence => MaxSteps;

    /// <inheritdoc/>
    public override int OutputRows(int inputRows) => SequenceRows.Require(this, inputRows, MaxSteps);

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new AttentionPass<T>(this, training);

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("ScaledDotProductAttention", Invariant($"{EmbedDim}, {NumHeads} heads, {MaxSteps} steps"), Causal ? "causal" : "",
        Dropout == 0 ? "" : $"dropout {Signature.Number(Dropout)}", RotaryBase is double @base ? $"rotary {Signature.Number(@base)}" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var own = (AttentionPass<T>)pass;
        own.RequireNext(x.RowCount);
        var (sequences, steps) = SequenceRows.Of(x.RowCount, MaxSteps);
        var lengths = own.Continues ? [] : SequenceRows.Lengths(this, pass.SequenceLengths.Span, sequences, steps);
        own.KeepLengths(lengths);
        own.Drops = pass.Training && Dropout > 0;
        own.Make(new(sequences, steps, own.Continues ? MaxSteps : steps, NumHeads, HeadDim, own.Past, Causal));
        if (own.Drops) DrawMask(own);

        var (y, size) = (pass.NewOutput(x.RowCount, EmbedDim), x.RowCount * EmbedDim);
        ReadOnlySpan<T> q = x.Span()[..size], k = x.Span().Slice(size, size), v = x.Span()[(2 * size)..];
        if (own.Continues)
        {
            own.Remember(k, v, steps);
            k = own.Keys;
            v = own.Values;
            lengths = own.SoFar(steps);
        }

        // A = softmax(Q K^T / √d),  y = (A ⊙ mask) V
        Kernels.Attention.Forward(own.Shape, q, k, v, lengths, own.Rotation, own.Mask, own.AllWeights, y.Span());
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient) return null;
        var own = (AttentionPass<T>)pass;
        if (own.Continues) throw new InvalidOperationException($"{this} was continued, and has no way back: the steps before were of other forward passes.");
        var (dX, size) = (pass.NewInputGradient(), dY.RowCount * EmbedDim);
        Span<T> x = pass.Input.Span(), all = dX.Span();
        // dV = (A ⊙ mask)^T dY      dA = (dY V^T) ⊙ mask      dS = A (dA - Σ dA A)      dQ = dS K / √d      dK = dS^T Q / √d
        Kernels.Attention.Backward(own.Shape, x[..size], x.Slice(size, size), x[(2 * size)..], own.KeptLengths, own.Rotation, own.Mask, own.AllWeights,
            dY.Span(), all[..size], all.Slice(size, size), all[(2 * size)..]);
        return dX;
    }

    // mask = bernoulli(1 - p) / (1 - p), in PyTorch's order: row after row of each head. Where all is dropped nothing is drawn, and it stays the 0 that it was made as.
    private void DrawMask(AttentionPass<T> pass)
    {
        var (queries, keys) = (pass.Shape.Queries, pass.Shape.Keys);
        Span<T> mask = pass.Mask, drawn = pass.Drawn(queries * keys);
        for (var head = 0; Dropout < 1 && head < mask.Length; head += drawn.Length)
        {
            _generator!.Bernoulli(drawn, 1 - Dropout);
            TensorPrimitives.Divide(drawn, T.CreateSaturating(1 - Dropout), drawn);
            for (var i = 0; i < queries; i += Kernels.Attention.Block)
            {
                var count = Math.Min(Kernels.Attention.Block, queries - i);
                RowMajor.ToMatrix<T>(drawn[(i * keys)..], count, keys, mask.Slice(head + i * keys, count * keys), count);
            }
        }
    }
}

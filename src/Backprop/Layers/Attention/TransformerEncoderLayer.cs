using System.Numerics;
using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>A layer of a transformer: self-attention, then a small network for each step, each with a way around it and a normalisation.</summary>
/// <remarks>
/// <para>With a(x) = dropout1(self_attn(x)) and f(x) = dropout2(linear2(dropout(activation(linear1(x))))): h = norm1(x + a(x)) and y = norm2(h + f(h)); or, with the normalisation first, h = x + a(norm1(x))
/// and y = h + f(norm2(h)). With the normalisation first there is a way for gradients through the whole network that nothing stands in.</para>
/// <para>Shapes: a sequence is T consecutive rows; x and y (n T x e). Children have PyTorch's names, and so parameters: <c>self_attn.in_proj_weight</c>, <c>linear1.weight</c>, <c>norm1.weight</c>. Causal, it is a layer of a decoder, as GPT has them.
/// With rows beyond a sequence's length it does as PyTorch: see <see cref="ScaledDotProductAttention{T}"/>.</para>
/// <para>Derivatives: dH = g + df(g) with g = dnorm2(dY), dX = e + da(e) with e = dnorm1(dH); or dH = dY + dnorm2(df(dY)), dX = dH + dnorm1(da(dH)). CHAIN-RULE.md, "TransformerEncoderLayer".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html">torch.nn.TransformerEncoderLayer</see> with <c>batch_first=True</c>.
/// Sources: A. Vaswani et al., Attention is all you need, NeurIPS 2017; R. Xiong et al., On layer normalization in the transformer architecture, ICML 2020.</para>
/// </remarks>
/// <example><code>var y = new TransformerEncoderLayer&lt;double&gt;(embedDim: 64, numHeads: 4, maxSteps: 32, feedforwardDim: 256).Forward(x);   // x and y are n 32 x 64</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class TransformerEncoderLayer<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Attention = 0, Linear1 = 1, Dropped = 2, Linear2 = 3, Norm1 = 4, Norm2 = 5, Dropped1 = 6, Dropped2 = 7, Activation = 8;

    /// <summary>Makes a layer with PyTorch's initial values: of the attention, then of the two linear layers.</summary>
    /// <param name="embedDim">e, columns of the input and output, at least 1.</param>
    /// <param name="numHeads">Heads, a divisor of e.</param>
    /// <param name="maxSteps">T, the rows of a sequence, at least 1.</param>
    /// <param name="feedforwardDim">The width of the small network, at least 1.</param>
    /// <param name="dropout">The probability of dropping, in all four places, from 0 to 1.</param>
    /// <param name="activation">The small network's activation; null for <see cref="ReLU{T}"/>. PyTorch's other one is <see cref="GELU{T}"/>.</param>
    /// <param name="epsilon">ε of the normalisations, at least 0.</param>
    /// <param name="normFirst">Whether to normalise before attention and network, and not after.</param>
    /// <param name="causal">Whether a step sees only itself and those before it.</param>
    /// <param name="bias">Whether to add biases, in the normalisations too.</param>
    /// <param name="rotaryBase">Turns queries and keys by their step; see <see cref="ScaledDotProductAttention{T}"/>. PyTorch's layer has nothing like it.</param>
    /// <param name="generator">Draws the values, and what is dropped; <see cref="Generator.Default"/> where none is given.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, or a number is out of its range.</exception>
    /// <exception cref="ArgumentException">The heads do not divide e; or a head has an odd number of columns and a rotary base.</exception>
    public TransformerEncoderLayer(
        int embedDim, int numHeads, int maxSteps, int feedforwardDim = 2048, double dropout = 0.1, Layer<T>? activation = null, double epsilon = 1e-5, bool normFirst = false, bool causal = false,
        bool bias = true, double? rotaryBase = null, Generator? generator = null)
    {
        NormFirst = normFirst;
        SelfAttention = Register("self_attn", new MultiheadAttention<T>(embedDim, numHeads, maxSteps, causal, dropout, bias, rotaryBase, generator));
        var first = Register("linear1", new Linear<T>(embedDim, feedforwardDim, bias, generator));
        Register("dropout", new Dropout<T>(dropout, generator));
        Register("linear2", new Linear<T>(first.OutFeatures, embedDim, bias, generator));
        Register("norm1", new LayerNorm<T>(embedDim, epsilon, bias: bias));
        Register("norm2", new LayerNorm<T>(embedDim, epsilon, bias: bias));
        Register("dropout1", new Dropout<T>(dropout, generator));
        Register("dropout2", new Dropout<T>(dropout, generator));
        Register("activation", activation ?? new ReLU<T>());
    }

    /// <summary>What mixes the steps.</summary>
    public MultiheadAttention<T> SelfAttention { get; }

    /// <summary>Whether it normalises before attention and network, and not after.</summary>
    public bool NormFirst { get; }

    /// <inheritdoc/>
    public override int? InputColumns => SelfAttention.EmbedDim;

    /// <inheritdoc/>
    public override string Formula => NormFirst ? "y = h + f(norm2(h)),  h = x + a(norm1(x)),  a: attention,  f: two linear layers" : "y = norm2(h + f(h)),  h = norm1(x + a(x)),  a: attention,  f: two linear layers";

    /// <inheritdoc/>
    public override string Derivative => NormFirst ? "dX = dH + dnorm1(da(dH)),  dH = dY + dnorm2(df(dY))" : "dX = e + da(e),  e = dnorm1(dH),  dH = g + df(g),  g = dnorm2(dY)";

    /// <inheritdoc/>
    public override int OutputRows(int inputRows)
    {
        var rows = Children[Attention].OutputRows(inputRows);
        return Children[Activation].OutputRows(rows) is var active && active == rows
            ? rows
            : throw new ArgumentException(Invariant($"{this} expects an activation to give as many rows as it gets, but for {rows} it gives {active}."));
    }

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns)
    {
        var width = Children[Linear1].OutputColumns(inputColumns);
        return Children[Activation].OutputColumns(width) is var columns && columns == width
            ? inputColumns
            : throw new ArgumentException(Invariant($"{this} expects an activation to give as many columns as it gets, but for {width} it gives {columns}."));
    }

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new TransformerEncoderLayerPass<T>(this, training);

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("TransformerEncoderLayer",
        Invariant($"{SelfAttention.EmbedDim}, {SelfAttention.Attention.NumHeads} heads, {SelfAttention.Attention.MaxSteps} steps, {((Linear<T>)Children[Linear1].Layer).OutFeatures}"),
        $"dropout {Signature.Number(SelfAttention.Attention.Dropout)}", $"{Children[Activation].Layer}", NormFirst ? "norm first" : "", SelfAttention.Attention.Causal ? "causal" : "", SelfAttention.InProjBias is null ? "no bias" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var own = (TransformerEncoderLayerPass<T>)pass;
        if (NormFirst)
        {
            // h = x + a(norm1(x))      y = h + f(norm2(h))
            var sum = Add(x, Forward(pass, x, Norm1, Attention, Dropped1), own.Sum(0, x));
            return Add(sum, Forward(pass, sum, Norm2, Linear1, Activation, Dropped, Linear2, Dropped2), pass.NewOutput(x.RowCount, x.ColumnCount));
        }

        // h = norm1(x + a(x))      y = norm2(h + f(h))
        var h = Forward(pass, Add(x, Forward(pass, x, Attention, Dropped1), own.Sum(0, x)), Norm1);
        return Forward(pass, Add(h, Forward(pass, h, Linear1, Activation, Dropped, Linear2, Dropped2), own.Sum(1, x)), Norm2);
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient && !pass.Learns) return null;
        var own = (TransformerEncoderLayerPass<T>)pass;
        if (NormFirst)
        {
            // dH = dY + dnorm2(df(dY))      dX = dH + dnorm1(da(dH))
            var sum = Add(dY, Backward(pass, dY, Dropped2, Linear2, Dropped, Activation, Linear1, Norm2), own.Sum(2, dY));
            var rest = pass.Steps[Norm1].Backward(Backward(pass, sum, Dropped1, Attention), pass.NeedsInputGradient);
            return rest is null ? null : Add(sum, rest, pass.NewInputGradient());
        }

        // g = dnorm2(dY)      dH = g + df(g)      e = dnorm1(dH)      dX = e + da(e)
        var g = Backward(pass, dY, Norm2);
        var e = Backward(pass, Add(g, Backward(pass, g, Dropped2, Linear2, Dropped, Activation, Linear1), own.Sum(2, dY)), Norm1);
        var last = pass.Steps[Attention].Backward(Backward(pass, e, Dropped1), pass.NeedsInputGradient);
        return last is null ? null : Add(e, last, pass.NewInputGradient());
    }

    private static Matrix<T> Add(Matrix<T> a, Matrix<T> b, Matrix<T> sum)
    {
        TensorPrimitives.Add<T>(a.Span(), b.Span(), sum.Span());
        return sum;
    }

    private static Matrix<T> Forward(ForwardPass<T> pass, Matrix<T> x, params ReadOnlySpan<int> steps)
    {
        foreach (var step in steps) x = pass.Steps[step].Forward(x);
        return x;
    }

    private static Matrix<T> Backward(ForwardPass<T> pass, Matrix<T> dY, params ReadOnlySpan<int> steps)
    {
        foreach (var step in steps) dY = pass.Steps[step].Backward(dY)!;
        return dY;
    }
}

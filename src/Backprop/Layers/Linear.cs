using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>A linear layer: y = x W^T + b.</summary>
/// <remarks>
/// <para>Shapes: x (n x in), W (out x in), b (out), y (n x out).</para>
/// <para>Derivatives: dX = dY W, dW += dY^T x, db += the sum over the rows of dY. CHAIN-RULE.md, "Linear".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html">torch.nn.Linear</see>.</para>
/// </remarks>
/// <example><code>var y = new Linear&lt;double&gt;(3, 4).Forward(x);   // x is n x 3, y is n x 4</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Linear<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer with weight and bias drawn uniformly from ±1/√in, as PyTorch does.</summary>
    /// <param name="inFeatures">Columns of the input, at least 1.</param>
    /// <param name="outFeatures">Columns of the output, at least 1.</param>
    /// <param name="bias">Whether to add a bias.</param>
    /// <param name="generator">Draws the values, weight first; <see cref="Generator.Default"/> where none is given.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    public Linear(int inFeatures, int outFeatures, bool bias = true, Generator? generator = null)
    {
        Weight = Register(new MatrixParameter<T>("weight",
            Expect.Positive(Invariant($"Linear({inFeatures} -> {outFeatures})"), outFeatures, nameof(outFeatures)),
            Expect.Positive(Invariant($"Linear({inFeatures} -> {outFeatures})"), inFeatures, nameof(inFeatures))));
        if (bias) Bias = Register(new VectorParameter<T>("bias", outFeatures));

        // With this slope the weight's bound is 1/√in, too; but for the last bit, which is PyTorch's.
        Init.KaimingUniform(Weight, a: Math.Sqrt(5), generator: generator);
        if (Bias is not null) Init.Uniform(Bias, -1 / Math.Sqrt(inFeatures), 1 / Math.Sqrt(inFeatures), generator);
    }

    /// <summary>Makes a layer of parameters that exist, say of another layer, with which it then shares them: <c>new Linear&lt;T&gt;(embedding.Weight)</c>.</summary>
    /// <param name="weight">W, out x in.</param>
    /// <param name="bias">b, out; null for none.</param>
    /// <exception cref="ArgumentNullException"><paramref name="weight"/> is null.</exception>
    /// <exception cref="ArgumentException">The bias has not as many values as the weight has rows.</exception>
    public Linear(MatrixParameter<T> weight, VectorParameter<T>? bias = null)
    {
        ArgumentNullException.ThrowIfNull(weight);
        if (bias is not null && bias.Count != weight.Value.RowCount)
            throw new ArgumentException($"Linear expects a value of the bias for each row of the weight, but weight is {Operand.Shape(weight.Value)} and bias has {bias.Count}.", nameof(bias));
        Weight = Register(weight, "weight");
        Bias = bias is null ? null : Register(bias, "bias");
    }

    /// <summary>W, out x in.</summary>
    public MatrixParameter<T> Weight { get; }

    /// <summary>b, out; null without a bias.</summary>
    public VectorParameter<T>? Bias { get; }

    /// <summary>Columns of the input.</summary>
    public int InFeatures => Weight.Value.ColumnCount;

    /// <summary>Columns of the output.</summary>
    public int OutFeatures => Weight.Value.RowCount;

    /// <inheritdoc/>
    public override int? InputColumns => InFeatures;

    /// <inheritdoc/>
    public override string Formula => Bias is null ? "y = x W^T" : "y = x W^T + b";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY W,  dW += dY^T x" + (Bias is null ? "" : ",  db += sum over rows of dY");

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => OutFeatures;

    /// <inheritdoc/>
    public override string ToString() => $"Linear({InFeatures} -> {OutFeatures}{(Bias is null ? ", no bias" : "")})";

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, OutFeatures);
        // y = x W^T + b
        Products.TimesTransposed(x.Span(), Weight.Values, Bias is null ? [] : Bias.Values, y.Span(), x.RowCount, InFeatures, OutFeatures);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        // dW += dY^T x      db += sum over rows of dY
        if (!Weight.Frozen) Products.AddTransposeTimes(dY.Span(), pass.Input.Span(), Weight.Gradients, dY.RowCount, OutFeatures, InFeatures);
        if (Bias is { Frozen: false }) Reductions.AddColumnSums(dY.Span(), dY.RowCount, Bias.Gradients);
        if (!pass.NeedsInputGradient) return null;

        var dX = pass.NewInputGradient();
        // dX = dY W
        Products.Times(dY.Span(), Weight.Values, dX.Span(), dY.RowCount, OutFeatures, InFeatures);
        return dX;
    }
}

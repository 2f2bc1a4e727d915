using System.Numerics;
using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>Positions that are learned: adds row t of W to step t of each sequence.</summary>
/// <remarks>
/// <para>A sequence is T consecutive rows. Shapes: W (T x e), x and y (n T x e): y[s T + t] = x[s T + t] + W[t]. Fewer rows than T are one sequence that is shorter.</para>
/// <para>Derivatives: dX = dY, and dW[t] += the sum over the sequences of dY[s T + t]. CHAIN-RULE.md, "PositionalEmbedding".</para>
/// <para>In PyTorch one writes <c>x + embedding(torch.arange(t))</c>, with an <c>nn.Embedding</c> of T rows, whose name and initial values these are. Source: J. Gehring et al., Convolutional sequence to sequence learning, ICML 2017.</para>
/// </remarks>
/// <example><code>var y = new PositionalEmbedding&lt;double&gt;(maxSteps: 32, embedDim: 64).Forward(x);   // x and y are n 32 x 64</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class PositionalEmbedding<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer with a weight drawn from N(0, 1), as PyTorch's embedding.</summary>
    /// <param name="maxSteps">T, the rows of a sequence, at least 1.</param>
    /// <param name="embedDim">e, columns of the input and output, at least 1.</param>
    /// <param name="generator">Draws the weight; <see cref="Generator.Default"/> where none is given.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    public PositionalEmbedding(int maxSteps, int embedDim, Generator? generator = null)
    {
        var owner = Invariant($"PositionalEmbedding({maxSteps} steps, {embedDim})");
        Expect.Positive(owner, maxSteps, nameof(maxSteps));
        Weight = Register(new MatrixParameter<T>("weight", maxSteps, Expect.Positive(owner, embedDim, nameof(embedDim))));
        Init.Normal(Weight, generator: generator);
    }

    /// <summary>W, T x e.</summary>
    public MatrixParameter<T> Weight { get; }

    /// <summary>T, the rows of a sequence.</summary>
    public int MaxSteps => Weight.Value.RowCount;

    /// <summary>e, columns of the input and output.</summary>
    public int EmbedDim => Weight.Value.ColumnCount;

    /// <inheritdoc/>
    public override int? InputColumns => EmbedDim;

    /// <inheritdoc/>
    public override string Formula => "y = x + W[t] in step t of a sequence";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY,  dW[t] += sum over sequences of dY in step t";

    internal override int RowsOfSequence => MaxSteps;

    /// <inheritdoc/>
    public override int OutputRows(int inputRows) => SequenceRows.Require(this, inputRows, MaxSteps);

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new PositionsPass<T>(this, training, MaxSteps);

    /// <inheritdoc/>
    public override string ToString() => Invariant($"PositionalEmbedding({MaxSteps} steps, {EmbedDim})");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass) =>
        // y = x + W[t]
        Positions.Add(x, (PositionsPass<T>)pass, Weight.Values);

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        // dW[t] += sum over sequences of dY      dX = dY
        if (!Weight.Frozen) Positions.AddGradient(dY, MaxSteps, Weight.Gradients);
        return dY;
    }
}

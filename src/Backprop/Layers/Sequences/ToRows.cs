using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>The rows of a sequence become one: y_n[t d .. (t + 1) d] = x_(n, t).</summary>
/// <remarks>
/// <para>Shapes: x ((N T) x d), y (N x (T d)): the features of step 0 first, then those of step 1, and so on. <see cref="ToSteps{T}"/> is the way back. Lengths change nothing here.</para>
/// <para>Derivative: dX holds dY's entries where they came from. CHAIN-RULE.md, "ToRows".</para>
/// <para>Twin: <c>x.reshape(-1, T * d)</c>.</para>
/// </remarks>
/// <example><code>var y = new ToRows&lt;double&gt;(5).Forward(x);   // x is 5 n x 3, y is n x 15</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class ToRows<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer.</summary>
    /// <param name="steps">T, the rows that become one, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public ToRows(int steps) => Steps = Expect.Positive(Invariant($"ToRows({steps})"), steps, nameof(steps));

    /// <summary>T, the rows that become one.</summary>
    public int Steps { get; }

    /// <inheritdoc/>
    public override string Formula => "y_n[t d .. (t + 1) d] = x_(n, t)";

    /// <inheritdoc/>
    public override string Derivative => "dX_(n, t) = dY_n[t d .. (t + 1) d]";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => inputColumns * Steps;

    internal override int RowsOfSequence => Steps;

    /// <inheritdoc/>
    public override int OutputRows(int inputRows) => Sequences.Count(this, inputRows, Steps);

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("ToRows", Invariant($"{Steps}"));

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount / Steps, x.ColumnCount * Steps);
        // y_n[t d .. (t + 1) d] = x_(n, t)
        OverTime.Join<T>(x.Span(), y.Span(), y.RowCount, Steps, x.ColumnCount);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient) return null;
        var dX = pass.NewInputGradient();
        // dX_(n, t) = dY_n[t d .. (t + 1) d]
        OverTime.Split<T>(dY.Span(), dX.Span(), dY.RowCount, Steps, dX.ColumnCount);
        return dX;
    }
}

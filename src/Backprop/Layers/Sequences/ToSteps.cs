using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>A row becomes a row for each step: y_(n, t) = x_n[t d .. (t + 1) d], so that layers of sequences can follow.</summary>
/// <remarks>
/// <para>Shapes: x (N x (T d)), the features of step 0 first, then those of step 1, and so on; y ((N T) x d). <see cref="ToRows{T}"/> is the way back. Lengths change nothing here.</para>
/// <para>Derivative: dX holds dY's entries where they came from. CHAIN-RULE.md, "ToSteps".</para>
/// <para>Twin: <c>x.reshape(-1, d)</c>.</para>
/// </remarks>
/// <example><code>var y = new ToSteps&lt;double&gt;(5).Forward(x);   // x is n x 15, y is 5 n x 3</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class ToSteps<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer.</summary>
    /// <param name="steps">T, the rows that each row becomes, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public ToSteps(int steps) => Steps = Expect.Positive(Invariant($"ToSteps({steps})"), steps, nameof(steps));

    /// <summary>T, the rows that each row becomes.</summary>
    public int Steps { get; }

    /// <inheritdoc/>
    public override string Formula => "y_(n, t) = x_n[t d .. (t + 1) d]";

    /// <inheritdoc/>
    public override string Derivative => "dX_n[t d .. (t + 1) d] = dY_(n, t)";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => inputColumns % Steps == 0
        ? inputColumns / Steps
        : throw new ArgumentException(Invariant($"{this} expects as many columns for each of {Steps} steps, but x has {inputColumns}."));

    /// <inheritdoc/>
    public override int OutputRows(int inputRows) => inputRows * Steps;

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("ToSteps", Invariant($"{Steps}"));

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount * Steps, x.ColumnCount / Steps);
        // y_(n, t) = x_n[t d .. (t + 1) d]
        OverTime.Split<T>(x.Span(), y.Span(), x.RowCount, Steps, y.ColumnCount);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient) return null;
        var dX = pass.NewInputGradient();
        // dX_n[t d .. (t + 1) d] = dY_(n, t)
        OverTime.Join<T>(dY.Span(), dX.Span(), dX.RowCount, Steps, dY.ColumnCount);
        return dX;
    }
}

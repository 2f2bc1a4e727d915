using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The greatest of each sequence's real steps, feature by feature: y_n = max over t of x_(n, t).</summary>
/// <remarks>
/// <para>Shapes: x ((N T) x m), a sequence's T steps one after the other; y (N x m). Where the pass has <see cref="ForwardPass{T}.SequenceLengths"/>, only so many steps of each sequence are looked at.</para>
/// <para>Derivative: dX is dY in the step that was the greatest, the first of equals, and 0 in the others. NaN is the greatest. CHAIN-RULE.md, "MaxOverTime".</para>
/// <para>Twin: <c>x.max(1)</c> of a tensor (N, T, m).</para>
/// </remarks>
/// <example><code>var y = new MaxOverTime&lt;double&gt;(steps: 5).Forward(x);   // x is 5 n x m, y is n x m</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class MaxOverTime<T> : PoolingOverTime<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer.</summary>
    /// <param name="steps">T, the rows of a sequence, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public MaxOverTime(int steps) : base(steps) { }

    /// <inheritdoc/>
    public override string Formula => "y_n = max over t of x_(n, t)";

    /// <inheritdoc/>
    public override string Derivative => "dX_(n, t) = dY_n in the first t where x_(n, t) = y_n,  dX = 0 elsewhere";

    // y_n = max over t of x_(n, t)
    private protected override void Pool(Matrix<T> x, OverTimePass<T> pass, Matrix<T> y) => OverTime.Max<T>(x.Span(), pass.Lengths, y.Span(), pass.NewChosen(y.RowCount * y.ColumnCount), y.RowCount, Steps, y.ColumnCount);

    // dX_(n, t) = dY_n in the first t where x_(n, t) = y_n
    private protected override void Unpool(Matrix<T> dY, OverTimePass<T> pass, Matrix<T> dX) => OverTime.Put<T>(dY.Span(), pass.Chosen, dX.Span(), dY.RowCount, Steps, dY.ColumnCount);
}

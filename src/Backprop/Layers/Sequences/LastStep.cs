using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The last real step of each sequence: y_n = x_(n, l), where l is the sequence's last step.</summary>
/// <remarks>
/// <para>Shapes: x ((N T) x m), a sequence's T steps one after the other; y (N x m). Where the pass has <see cref="ForwardPass{T}.SequenceLengths"/>, only so many steps of each sequence are looked at.</para>
/// <para>Derivative: dX is dY in that step and 0 in the others. CHAIN-RULE.md, "LastStep".</para>
/// <para>Twin: <c>x[:, -1]</c> of a tensor (N, T, m); with lengths, <c>gather</c>.</para>
/// </remarks>
/// <example><code>var y = new LastStep&lt;double&gt;(steps: 5).Forward(x);   // x is 5 n x m, y is n x m</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class LastStep<T> : PoolingOverTime<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer.</summary>
    /// <param name="steps">T, the rows of a sequence, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public LastStep(int steps) : base(steps) { }

    /// <inheritdoc/>
    public override string Formula => "y_n = x_(n, last)";

    /// <inheritdoc/>
    public override string Derivative => "dX_(n, last) = dY_n,  dX = 0 elsewhere";

    // y_n = x_(n, last)
    private protected override void Pool(Matrix<T> x, OverTimePass<T> pass, Matrix<T> y) => OverTime.Last<T>(x.Span(), pass.Lengths, y.Span(), y.RowCount, Steps, y.ColumnCount);

    // dX_(n, last) = dY_n, and 0 elsewhere
    private protected override void Unpool(Matrix<T> dY, OverTimePass<T> pass, Matrix<T> dX) => OverTime.LastBackward<T>(dY.Span(), pass.Lengths, dX.Span(), dY.RowCount, Steps, dY.ColumnCount);
}

using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The mean over each sequence's real steps: y_n = (x_(n, 1) + ... + x_(n, l)) / l, where l is their number.</summary>
/// <remarks>
/// <para>Shapes: x ((N T) x m), a sequence's T steps one after the other; y (N x m). Where the pass has <see cref="ForwardPass{T}.SequenceLengths"/>, only so many steps of each sequence are looked at.</para>
/// <para>Derivative: dX = dY / l in the real steps, and 0 beyond. Sums of floats are taken in double. CHAIN-RULE.md, "MeanOverTime".</para>
/// <para>Twin: <c>x.mean(1)</c> of a tensor (N, T, m).</para>
/// </remarks>
/// <example><code>var y = new MeanOverTime&lt;double&gt;(steps: 5).Forward(x);   // x is 5 n x m, y is n x m</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class MeanOverTime<T> : PoolingOverTime<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer.</summary>
    /// <param name="steps">T, the rows of a sequence, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public MeanOverTime(int steps) : base(steps) { }

    /// <inheritdoc/>
    public override string Formula => "y_n = mean over t of x_(n, t)";

    /// <inheritdoc/>
    public override string Derivative => "dX_(n, t) = dY_n / l,  l steps of sequence n; dX = 0 beyond";

    // y_n = sum over t of x_(n, t) / l
    private protected override void Pool(Matrix<T> x, OverTimePass<T> pass, Matrix<T> y) => OverTime.Mean<T>(x.Span(), pass.Lengths, y.Span(), y.RowCount, Steps, y.ColumnCount);

    // dX_(n, t) = dY_n / l
    private protected override void Unpool(Matrix<T> dY, OverTimePass<T> pass, Matrix<T> dX) => OverTime.MeanBackward<T>(dY.Span(), pass.Lengths, dX.Span(), dY.RowCount, Steps, dY.ColumnCount);
}

using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The mean squared error: L = 1/N sum (p - t)^2 over all N entries.</summary>
/// <remarks>
/// <para>Derivative: dL/dp = 2 (p - t) / N; with <see cref="Reduction.Sum"/>, both without the N. CHAIN-RULE.md, "MSELoss".</para>
/// <para>N counts entries, not samples: of a 4 x 3 prediction it is 12. Twin:
/// <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html">torch.nn.MSELoss</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="reduction">Mean or sum.</param>
public sealed class MSELoss<T>(Reduction reduction = Reduction.Mean) : Loss<T>(reduction) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => Reduction == Reduction.Mean ? "L = 1/N sum (p - t)^2" : "L = sum (p - t)^2";

    /// <inheritdoc/>
    public override string Derivative => Reduction == Reduction.Mean ? "dL/dp = 2 (p - t) / N" : "dL/dp = 2 (p - t)";

    /// <inheritdoc/>
    public override string ToString() => Reduction == Reduction.Mean ? "MSELoss()" : "MSELoss(sum)";

    /// <inheritdoc/>
    protected override T ForwardCore(Matrix<T> prediction, Matrix<T> target)
    {
        Span<T> p = prediction.Span(), t = target.Span();
        var sum = T.Zero;
        for (var i = 0; i < p.Length; i++) sum += (p[i] - t[i]) * (p[i] - t[i]);
        return Reduction == Reduction.Mean ? sum / T.CreateChecked(p.Length) : sum;
    }

    /// <inheritdoc/>
    protected override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction)
    {
        Span<T> p = prediction.Span(), t = target.Span(), dP = dPrediction.Span();
        var factor = Reduction == Reduction.Mean ? T.CreateChecked(2) / T.CreateChecked(p.Length) : T.CreateChecked(2);
        for (var i = 0; i < dP.Length; i++) dP[i] = factor * (p[i] - t[i]);
    }

    /// <inheritdoc/>
    protected override Matrix<T> UnreducedCore(Matrix<T> prediction, Matrix<T> target) =>
        prediction.Map2((p, t) => (p - t) * (p - t), target);

    /// <inheritdoc/>
    protected override Matrix<T> UnreducedBackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dLosses)
    {
        Shape.Exactly(this, dLosses, prediction.RowCount, prediction.ColumnCount, nameof(dLosses));
        var two = T.CreateChecked(2);
        return prediction.Map2((p, t) => two * (p - t), target).PointwiseMultiply(dLosses);
    }
}

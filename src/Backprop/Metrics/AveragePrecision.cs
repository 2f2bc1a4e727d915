using System.Numerics;

namespace Backprop;

/// <summary>The precision at each score that is a threshold, weighted by the recall that it adds: Σ (R_n - R_(n-1)) P_n.</summary>
/// <remarks>Of predictions of several columns, the mean over the classes, each against the rest. As in
/// <see href="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.average_precision_score.html">scikit-learn</see>.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="ignoreIndex">The class whose samples do not count.</param>
public sealed class AveragePrecision<T>(int ignoreIndex = -100) : ScoreMetric<T>(ignoreIndex) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "average_precision";

    private protected override double Of(ReadOnlySpan<int> positive, ReadOnlySpan<int> negative)
    {
        double sum = 0, right = 0, taken = 0;
        for (var i = 0; i < positive.Length; i++)
        {
            right += positive[i];
            taken += positive[i] + negative[i];
            sum += positive[i] * (right / taken);
        }

        return sum / right;
    }
}

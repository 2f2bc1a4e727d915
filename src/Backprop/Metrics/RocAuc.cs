using System.Numerics;

namespace Backprop;

/// <summary>The area under the receiver operating characteristic: the chance that a sample of the class has a higher score than one that is not of it, ties counting half.</summary>
/// <remarks>
/// <para>Of predictions of several columns, the mean over the classes, each against the rest. Scores may be probabilities or logits: only their order counts.</para>
/// <para>As in <see href="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.roc_auc_score.html">scikit-learn</see>, of each column by itself.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="ignoreIndex">The class whose samples do not count.</param>
public sealed class RocAuc<T>(int ignoreIndex = -100) : ScoreMetric<T>(ignoreIndex) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "roc_auc";

    private protected override double Of(ReadOnlySpan<int> positive, ReadOnlySpan<int> negative)
    {
        double above = 0, positives = 0, negatives = 0;
        for (var i = 0; i < positive.Length; i++)
        {
            above += negative[i] * (positives + positive[i] / 2.0);
            positives += positive[i];
            negatives += negative[i];
        }

        return above / positives / negatives;
    }
}

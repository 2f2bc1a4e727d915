using System.Numerics;

namespace Backprop;

/// <summary>Of the samples that were taken for a class, the share that are of it: tp / (tp + fp); 0 where none was.</summary>
/// <remarks>As in <see href="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.precision_score.html">scikit-learn</see>, with zero_division=0.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="average">How the classes become one value; of a prediction of one column it is that of class 1.</param>
/// <param name="threshold">Above what a prediction of one column is of class 1: 0.5 for probabilities, 0 for logits.</param>
/// <param name="ignoreIndex">The class whose samples do not count.</param>
/// <exception cref="ArgumentOutOfRangeException">The average is none of its kinds, or the threshold is not finite.</exception>
public sealed class Precision<T>(ClassAverage average = ClassAverage.Macro, double threshold = 0.5, int ignoreIndex = -100)
    : ClassMetric<T>(NameOf("precision", average), threshold, ignoreIndex) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ClassAverage _average = Expect.Defined("Precision", average);

    /// <inheritdoc/>
    protected override double Value(ClassCounts counts)
    {
        ArgumentNullException.ThrowIfNull(counts);
        return Mean(counts, _average, (right, predicted, actual) => predicted == 0 ? 0 : (double)right / predicted);
    }
}

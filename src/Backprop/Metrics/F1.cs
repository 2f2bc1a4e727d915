using System.Numerics;

namespace Backprop;

/// <summary>The harmonic mean of precision and recall: 2 tp / (2 tp + fp + fn); 0 where a class is neither there nor predicted.</summary>
/// <remarks>As in <see href="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.f1_score.html">scikit-learn</see>, with zero_division=0.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="average">How the classes become one value; of a prediction of one column it is that of class 1.</param>
/// <param name="threshold">Above what a prediction of one column is of class 1: 0.5 for probabilities, 0 for logits.</param>
/// <param name="ignoreIndex">The class whose samples do not count.</param>
/// <exception cref="ArgumentOutOfRangeException">The average is none of its kinds, or the threshold is not finite.</exception>
public sealed class F1<T>(ClassAverage average = ClassAverage.Macro, double threshold = 0.5, int ignoreIndex = -100)
    : ClassMetric<T>(NameOf("f1", average), threshold, ignoreIndex) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ClassAverage _average = Expect.Defined("F1", average);

    /// <inheritdoc/>
    protected override double Value(ClassCounts counts)
    {
        ArgumentNullException.ThrowIfNull(counts);
        return Mean(counts, _average, (right, predicted, actual) => predicted + actual == 0 ? 0 : 2.0 * right / (predicted + actual));
    }
}

using System.Numerics;

namespace Backprop;

/// <summary>The share of samples on the right side of a threshold: of predictions in one column, for targets 0 and 1.</summary>
/// <remarks>Of predictions of several columns, <see cref="Accuracy{T}"/> is the measure.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="threshold">Above what a prediction of one column is of class 1: 0.5 for probabilities, 0 for logits.</param>
/// <param name="ignoreIndex">The class whose samples do not count.</param>
/// <exception cref="ArgumentOutOfRangeException">The threshold is not finite.</exception>
public sealed class BinaryAccuracy<T>(double threshold = 0.5, int ignoreIndex = -100)
    : ClassMetric<T>("binary_accuracy", threshold, ignoreIndex) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    protected override double Value(ClassCounts counts)
    {
        ArgumentNullException.ThrowIfNull(counts);
        var right = 0L;
        for (var c = 0; c < counts.Classes; c++) right += counts.Right(c);
        return (double)right / counts.Total;
    }
}

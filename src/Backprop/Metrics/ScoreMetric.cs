using System.Globalization;
using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A metric of how scores order the samples, which wants all of them at once: of one column, or of each class against the rest and then the mean.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class ScoreMetric<T> : Metric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly int _ignoreIndex;

    private protected ScoreMetric(int ignoreIndex) => _ignoreIndex = ignoreIndex;

    /// <inheritdoc/>
    protected sealed override double Measure(Matrix<T> prediction, Matrix<T> target)
    {
        var rows = Enumerable.Range(0, prediction.RowCount).Where(i => !Labels.IsIgnored(target, i, _ignoreIndex)).ToArray();
        if (rows.Length == 0) return double.NaN;
        var actual = Array.ConvertAll(rows, i => prediction.ColumnCount == 1 ? Labels.Binary(Name, target, i) : Labels.Class(Name, prediction, target, i));
        for (var c = 0; c < Math.Max(prediction.ColumnCount, 2); c++)
        {
            var count = actual.Count(own => own == c);
            if (count == 0 || count == rows.Length)
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{Name} expects samples of class {c} and others, but of {rows.Length} samples {(count == 0 ? "none is" : "all are")}."), nameof(target));
        }

        if (prediction.ColumnCount == 1) return OfClass(prediction, rows, actual, 0, 1);
        var sum = 0.0;
        for (var c = 0; c < prediction.ColumnCount; c++) sum += OfClass(prediction, rows, actual, c, c);
        return sum / prediction.ColumnCount;
    }

    /// <summary>The metric of two classes.</summary>
    /// <param name="positive">From the highest score to the lowest, how many samples with this score are of the class.</param>
    /// <param name="negative">And how many are not.</param>
    private protected abstract double Of(ReadOnlySpan<int> positive, ReadOnlySpan<int> negative);

    private double OfClass(Matrix<T> prediction, int[] rows, int[] actual, int column, int positiveClass)
    {
        var scores = Array.ConvertAll(rows, i => prediction[i, column]);
        if (Array.FindIndex(scores, T.IsNaN) is var nan and >= 0) throw Labels.NoNumber(Name, prediction, rows[nan], column);
        var isPositive = Array.ConvertAll(actual, c => c == positiveClass);

        // Samples with one score are one step.
        Array.Sort(scores, isPositive);
        List<int> positive = [], negative = [];
        for (var i = scores.Length - 1; i >= 0; i--)
        {
            if (i == scores.Length - 1 || scores[i] != scores[i + 1])
            {
                positive.Add(0);
                negative.Add(0);
            }

            if (isPositive[i]) positive[^1]++;
            else negative[^1]++;
        }

        return Of(positive.ToArray(), negative.ToArray());
    }
}

using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A metric that is made of how often each class was taken for each. To write one, subclass this and write <see cref="Value"/>.</summary>
/// <remarks>A prediction of several columns is of the class of its largest one; ties go to the lower class. A prediction of one column is of class 1 where it is above the
/// threshold, and else of class 0: 0.5 for probabilities, 0 for logits.</remarks>
/// <example><code>
/// public sealed class BalancedAccuracy&lt;T&gt;() : ClassMetric&lt;T&gt;("balanced_accuracy") where T : unmanaged, IFloatingPointIeee754&lt;T&gt;
/// {
///     protected override double Value(ClassCounts counts) =>
///         Enumerable.Range(0, counts.Classes).Where(c => counts.Actual(c) > 0).Average(c => (double)counts.Right(c) / counts.Actual(c));
/// }
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class ClassMetric<T> : AccumulatingMetric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly string _name;
    private readonly double _threshold;
    private readonly int _ignoreIndex;

    /// <summary>Makes a metric.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="threshold">Above what a prediction of one column is of class 1.</param>
    /// <param name="ignoreIndex">The class whose samples do not count.</param>
    /// <exception cref="ArgumentNullException"><paramref name="name"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The threshold is not finite.</exception>
    protected ClassMetric(string name, double threshold = 0.5, int ignoreIndex = -100)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        (_name, _threshold, _ignoreIndex) = (name, Expect.Finite(name, threshold), ignoreIndex);
    }

    /// <inheritdoc/>
    public sealed override string Name => _name;

    /// <inheritdoc/>
    public sealed override MetricState<T> NewState() => new State(this);

    /// <summary>The metric.</summary>
    /// <param name="counts">How often each class was taken for each.</param>
    protected abstract double Value(ClassCounts counts);

    /// <summary>The mean of a value of each class.</summary>
    /// <param name="counts">How often each class was taken for each.</param>
    /// <param name="average">How the classes count; where there are two, in one column, it is the value of class 1.</param>
    /// <param name="value">The value, of a class's right ones, predicted ones and actual ones.</param>
    private protected static double Mean(ClassCounts counts, ClassAverage average, Func<long, long, long, double> value)
    {
        if (counts.IsBinary) return value(counts.Right(1), counts.Predicted(1), counts.Actual(1));
        double sum = 0, weights = 0;
        if (average == ClassAverage.Micro)
        {
            var right = 0L;
            for (var c = 0; c < counts.Classes; c++) right += counts.Right(c);
            return value(right, counts.Total, counts.Total);
        }

        for (var c = 0; c < counts.Classes; c++)
        {
            var (predicted, actual) = (counts.Predicted(c), counts.Actual(c));
            double weight = average == ClassAverage.Weighted ? actual : predicted + actual > 0 ? 1 : 0;
            if (weight == 0) continue;
            sum += weight * value(counts.Right(c), predicted, actual);
            weights += weight;
        }

        return sum / weights;
    }

    private protected static string NameOf(string name, ClassAverage average) => average == ClassAverage.Macro ? name : $"{name}_{Signature.Choice(average).ToLowerInvariant()}";

    private sealed class State(ClassMetric<T> metric) : MetricState<T>(metric._name)
    {
        private ClassCounts? _counts;

        public override double Value => _counts is { Total: > 0 } ? metric.Value(_counts) : double.NaN;

        protected override void AddCore(Matrix<T> prediction, Matrix<T> target)
        {
            var classes = prediction.ColumnCount;
            _counts ??= new(Math.Max(classes, 2)) { IsBinary = classes == 1 };
            if (_counts.Classes != Math.Max(classes, 2)) throw new ArgumentException($"{Name} expects {_counts.Classes} columns, as before, but prediction is {Operand.Shape(prediction)}.", nameof(prediction));
            for (var i = 0; i < prediction.RowCount; i++)
            {
                if (Labels.IsIgnored(target, i, metric._ignoreIndex)) continue;
                if (classes > 1) _counts.Add(Labels.Class(Name, prediction, target, i), Labels.Largest(Name, prediction, nameof(prediction), i));
                else _counts.Add(Labels.Binary(Name, target, i), IsAbove(prediction, i) ? 1 : 0);
            }
        }

        private bool IsAbove(Matrix<T> prediction, int sample) => !T.IsNaN(prediction[sample, 0])
            ? double.CreateTruncating(prediction[sample, 0]) > metric._threshold
            : throw Labels.NoNumber(Name, prediction, sample, 0);
    }
}

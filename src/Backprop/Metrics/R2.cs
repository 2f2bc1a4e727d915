using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The coefficient of determination, R² = 1 - sum (p - t)^2 / sum (t - mean t)^2, its mean over the columns. 1 is perfect, 0 no better than the mean.</summary>
/// <remarks>Of a column whose target never changes it is 1 where the prediction meets it and else 0, as in
/// <see href="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.r2_score.html">scikit-learn</see>.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class R2<T> : AccumulatingMetric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "r2";

    /// <inheritdoc/>
    public override MetricState<T> NewState() => new State(Name);

    private sealed class State(string name) : MetricState<T>(name)
    {
        private Column[] _columns = [];

        public override double Value => _columns.Select(column => column.R2).DefaultIfEmpty(double.NaN).Average();

        protected override void AddCore(Matrix<T> prediction, Matrix<T> target)
        {
            Operand.Same(Name, prediction, nameof(prediction), target, nameof(target));
            if (_columns.Length == 0) _columns = [.. Enumerable.Range(0, target.ColumnCount).Select(_ => new Column())];
            if (_columns.Length != target.ColumnCount) throw new ArgumentException($"{Name} expects {_columns.Length} columns, as before, but target is {Operand.Shape(target)}.", nameof(target));
            for (int j = 0, n = target.RowCount; j < _columns.Length; j++) _columns[j].Add(prediction.Span().Slice(j * n, n), target.Span().Slice(j * n, n));
        }
    }

    private sealed class Column
    {
        private double _mean, _total, _rest;    // of the targets so far: mean t, sum (t - mean t)^2; and sum (p - t)^2
        private long _count;
        private T _first;
        private bool _changes;

        // That a target never changes is seen by its values: their mean may be rounded, and then a little seems to be left of the total.
        internal double R2 => _changes && _total != 0 ? 1 - _rest / _total : _rest == 0 ? 1 : 0;

        internal void Add(ReadOnlySpan<T> p, ReadOnlySpan<T> t)
        {
            if (t.IsEmpty) return;
            if (_count == 0) _first = t[0];
            _changes |= t.ContainsAnyExcept(_first);
            double mean = 0, total = 0;
            foreach (var value in t) mean += double.CreateChecked(value) / t.Length;
            for (var i = 0; i < t.Length; i++)
            {
                _rest += Math.Pow(double.CreateChecked(p[i]) - double.CreateChecked(t[i]), 2);
                total += Math.Pow(double.CreateChecked(t[i]) - mean, 2);
            }

            // Two sets' squares, each around its own mean, become those around the mean of both (Chan, Golub and LeVeque, 1979).
            var (count, apart) = (_count + t.Length, mean - _mean);
            _total += total + (_count == 0 ? 0 : apart * apart * _count / count * t.Length);
            _mean = _count == 0 ? mean : _mean + apart * t.Length / count;
            _count = count;
        }
    }
}

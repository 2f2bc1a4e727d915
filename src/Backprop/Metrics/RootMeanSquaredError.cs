using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The root of the mean squared error, √(1/n sum (p - t)²), its mean over the columns.</summary>
/// <remarks>As in <see href="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.root_mean_squared_error.html">scikit-learn</see>.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class RootMeanSquaredError<T> : AccumulatingMetric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "rmse";

    /// <inheritdoc/>
    public override bool GreaterIsBetter => false;

    /// <inheritdoc/>
    public override MetricState<T> NewState() => new State(Name);

    private sealed class State(string name) : MetricState<T>(name)
    {
        private double[] _sums = [];
        private long _samples;

        public override double Value => _sums.Select(sum => Math.Sqrt(sum / _samples)).DefaultIfEmpty(double.NaN).Average();

        protected override void AddCore(Matrix<T> prediction, Matrix<T> target)
        {
            Operand.Same(Name, prediction, nameof(prediction), target, nameof(target));
            if (_sums.Length == 0) _sums = new double[target.ColumnCount];
            if (_sums.Length != target.ColumnCount) throw new ArgumentException($"{Name} expects {_sums.Length} columns, as before, but target is {Operand.Shape(target)}.", nameof(target));
            Span<T> p = prediction.Span(), t = target.Span();
            for (var i = 0; i < p.Length; i++) _sums[i / target.RowCount] += Math.Pow(double.CreateChecked(p[i]) - double.CreateChecked(t[i]), 2);
            _samples += target.RowCount;
        }
    }
}

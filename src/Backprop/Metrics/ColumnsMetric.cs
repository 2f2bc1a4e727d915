using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A metric of some columns: of one output of several, which stand side by side.</summary>
/// <example><code>var accuracy = new ColumnsMetric&lt;double&gt;("kind_accuracy", new Accuracy&lt;double&gt;(), prediction: 0..3, target: 0..1);</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class ColumnsMetric<T> : AccumulatingMetric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Metric<T> _metric;
    private readonly Range _prediction, _target;

    /// <summary>Makes a metric of columns.</summary>
    /// <param name="name">The name, as a history has it.</param>
    /// <param name="metric">What to measure.</param>
    /// <param name="prediction">The columns of the prediction that it is given: <c>0..3</c> are the first three.</param>
    /// <param name="target">The columns of the target that it is given.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The name is empty, or a range holds no column.</exception>
    public ColumnsMetric(string name, Metric<T> metric, Range prediction, Range target)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var owner = $"ColumnsMetric({name})";
        (Name, _metric) = (name, Expect.NotNull(metric));
        (_prediction, _target) = (ColumnRange.NotEmpty(owner, prediction, nameof(prediction)), ColumnRange.NotEmpty(owner, target, nameof(target)));
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override bool GreaterIsBetter => _metric.GreaterIsBetter;

    /// <inheritdoc/>
    public override MetricState<T> NewState() => new State(Name, _metric.NewState(), _prediction, _target);

    /// <inheritdoc/>
    protected override void Describe(Settings settings)
    {
        base.Describe(settings);
        settings.Add("prediction", $"{_prediction}");
        settings.Add("target", $"{_target}");
    }

    private sealed class State(string name, MetricState<T> state, Range predictionColumns, Range targetColumns) : MetricState<T>(name)
    {
        public override double Value => state.Value;

        protected override void AddCore(Matrix<T> prediction, Matrix<T> target) =>
            state.Add(Columns(prediction, predictionColumns, nameof(prediction)), Columns(target, targetColumns, nameof(target)));

        private Matrix<T> Columns(Matrix<T> x, Range range, string parameter)
        {
            var (start, count) = ColumnRange.Of(Name, state.Name, range, x, parameter);
            return x.SubMatrix(0, x.RowCount, start, count);
        }
    }
}

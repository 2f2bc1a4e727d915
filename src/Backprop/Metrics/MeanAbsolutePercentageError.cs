using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The mean of |p - t| / |t| over all entries; 0.1 is 10 %.</summary>
/// <remarks>Where the target is 0, double's precision, 2.2e-16, stands for it, as in
/// <see href="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.mean_absolute_percentage_error.html">scikit-learn</see>: the value is then enormous.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class MeanAbsolutePercentageError<T> : AccumulatingMetric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "mape";

    /// <inheritdoc/>
    public override bool GreaterIsBetter => false;

    /// <inheritdoc/>
    public override MetricState<T> NewState() => new State(Name);

    private sealed class State(string name) : MetricState<T>(name)
    {
        private double _sum;
        private long _entries;

        public override double Value => _sum / _entries;

        protected override void AddCore(Matrix<T> prediction, Matrix<T> target)
        {
            Operand.Same(Name, prediction, nameof(prediction), target, nameof(target));
            Span<T> p = prediction.Span(), t = target.Span();
            for (var i = 0; i < p.Length; i++)
                _sum += Math.Abs(double.CreateChecked(p[i]) - double.CreateChecked(t[i])) / Math.Max(Math.Abs(double.CreateChecked(t[i])), 2.220446049250313e-16);
            _entries += p.Length;
        }
    }
}

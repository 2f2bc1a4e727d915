using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The mean absolute error over all entries, 1/N sum |p - t|.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class MeanAbsoluteError<T> : AccumulatingMetric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "mae";

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
            for (var i = 0; i < p.Length; i++) _sum += Math.Abs(double.CreateChecked(p[i]) - double.CreateChecked(t[i]));
            _entries += p.Length;
        }
    }
}

using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A metric that can be computed as predictions come, from sums and counts, without having all of them.
/// To write one, subclass this and write <see cref="NewState"/>.</summary>
/// <threadsafety>Any number of threads at once.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class AccumulatingMetric<T> : Metric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public abstract override MetricState<T> NewState();

    /// <inheritdoc/>
    protected sealed override double Measure(Matrix<T> prediction, Matrix<T> target)
    {
        var state = NewState();
        state.Add(prediction, target);
        return state.Value;
    }
}

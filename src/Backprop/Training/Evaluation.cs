using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A model on samples that it does not learn from: chunk by chunk, in one pass that is kept, so that a large set takes no more room than a small one.</summary>
internal sealed class Evaluation<T>(Layer<T> model, Loss<T> loss) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ForwardPass<T> _pass = model.NewPass(training: false);
    private ReusedMatrix<T> _xs, _ys;

    /// <summary>The loss and the metrics over all samples.</summary>
    /// <param name="samples">The samples.</param>
    /// <param name="rows">The most rows that a chunk may have.</param>
    /// <param name="metrics">What else to measure.</param>
    internal (double Loss, IReadOnlyDictionary<string, double> Metrics) Of(Samples<T> samples, int rows, IReadOnlyList<Metric<T>> metrics)
    {
        var states = metrics.ToDictionary(metric => metric.Name, metric => metric.NewState());
        var chunks = (samples.Count - 1) / rows + 1;
        var total = new LossTotal<T>(loss);
        if (chunks == 1) return (double.CreateChecked(Add(samples.X, samples.Y)), Values());

        // Of nearly the same size: a last chunk of one sample would be refused by layers that take a batch's own statistics.
        for (int i = 0, first = 0; i < chunks; i++)
        {
            var count = samples.Count / chunks + (i < samples.Count % chunks ? 1 : 0);
            var x = Samples<T>.Slice(samples.X, first, _xs.Get(count, samples.X.ColumnCount));
            var y = Samples<T>.Slice(samples.Y, first, _ys.Get(count, samples.Y.ColumnCount));
            try
            {
                Add(x, y);
            }
            catch (ArgumentException exception)
            {
                throw new ArgumentException($"In samples {first} to {first + count - 1}, counted from {first}: {exception.Message}", exception);
            }

            first += count;
        }

        return (total.Value, Values());

        T Add(Matrix<T> x, Matrix<T> y)
        {
            var prediction = model.Forward(x, _pass);
            var value = loss.Forward(prediction, y);
            total.Add(value, loss.Divisor(prediction, y), prediction, y);
            foreach (var state in states.Values) state.Add(prediction, y);
            return value;
        }

        IReadOnlyDictionary<string, double> Values() => states.ToDictionary(state => state.Key, state => state.Value.Value);
    }
}

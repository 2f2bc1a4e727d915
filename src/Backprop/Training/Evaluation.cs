using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A model on samples that it does not learn from: chunk by chunk, in one pass that is kept, so that a large set takes no more room than a small one.</summary>
internal sealed class Evaluation<T>(Layer<T> model, Loss<T> loss) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ForwardPass<T> _pass = model.NewPass(training: false);
    private readonly WeightedLoss<T> _loss = new(loss);
    private readonly RealRows<T> _real = new();
    private ReusedMatrix<T> _xs, _ys, _weights;

    /// <summary>The loss and the metrics over all samples.</summary>
    /// <param name="samples">The samples.</param>
    /// <param name="most">The most samples that a chunk may have.</param>
    /// <param name="metrics">What else to measure.</param>
    internal (double Loss, IReadOnlyDictionary<string, double> Metrics) Of(Samples<T> samples, int most, IReadOnlyList<Metric<T>> metrics)
    {
        var states = metrics.ToDictionary(metric => metric.Name, metric => metric.NewState());
        var chunks = (samples.Count - 1) / most + 1;
        var total = new LossTotal<T>(loss);
        if (chunks == 1) return (double.CreateChecked(Add(new(samples.X, samples.Y, samples.Weights, samples.LengthMemory))), Values());

        // Of nearly the same size: a last chunk of one sample would be refused by layers that take a batch's own statistics.
        for (int i = 0, first = 0; i < chunks; i++)
        {
            var count = samples.Count / chunks + (i < samples.Count % chunks ? 1 : 0);
            var chunk = new Batch<T>(Part(samples.X, samples.InputRows, ref _xs), Part(samples.Y, samples.TargetRows, ref _ys), samples.Weights is { } weights ? Part(weights, 1, ref _weights) : null,
                samples.LengthMemory.IsEmpty ? default : samples.LengthMemory.Slice(first, count));
            try
            {
                Add(chunk);
            }
            catch (ArgumentException exception)
            {
                throw new ArgumentException($"In samples {first} to {first + count - 1}, counted from {first}: {exception.Message}", exception);
            }

            first += count;

            Matrix<T> Part(Matrix<T> from, int rows, ref ReusedMatrix<T> buffer) => Samples<T>.Slice(from, first * rows, buffer.Get(count * rows, from.ColumnCount));
        }

        return (total.Value, Values());

        T Add(Batch<T> chunk)
        {
            (_pass.SequenceLengths, _pass.RowsOfSample) = (chunk.Lengths, samples.InputRows);
            _real.Take(model.Forward(chunk.X, _pass), chunk);
            var (prediction, y, weights) = (_real.Prediction, _real.Target, _real.Weights);
            var value = _loss.Forward(prediction, y, weights);
            total.Add(value, _loss.Divisor(prediction, y, weights), prediction, y);
            foreach (var state in states.Values) state.Add(prediction, y);
            return value;
        }

        IReadOnlyDictionary<string, double> Values() => states.ToDictionary(state => state.Key, state => state.Value.Value);
    }
}

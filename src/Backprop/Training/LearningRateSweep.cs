using System.Globalization;

namespace Backprop;

/// <summary>What the loss does while the learning rate grows from step to step: see <see cref="Trainer{T}.FindLearningRate"/>.</summary>
public sealed class LearningRateSweep
{
    private const double Diverged = 3;          // by how many times the best loss it is then above that

    private readonly List<double> _rates = [], _losses = [];
    private readonly int _half;                 // how many neighbours on either side a smoothed loss is a mean of
    private double _best = double.PositiveInfinity;

    internal LearningRateSweep(int steps) => _half = Math.Max(1, steps / 20);

    /// <summary>The learning rates, one a step; of the first group.</summary>
    public IReadOnlyList<double> LearningRates => _rates;

    /// <summary>The loss before each step. They end where the loss is no number any more, or has grown to four times the smallest.</summary>
    public IReadOnlyList<double> Losses => _losses;

    /// <summary>The losses without most of the noise of batches: each the mean of itself and its neighbours, a twentieth of the steps on either side. Unlike a running average, it does not lag behind.</summary>
    public IReadOnlyList<double> SmoothedLosses
    {
        get
        {
            var smoothed = new double[_losses.Count];
            for (var i = 0; i < smoothed.Length; i++)
            {
                int first = Math.Max(i - _half, 0), end = Math.Min(i + _half + 1, smoothed.Length);
                smoothed[i] = _losses.GetRange(first, end - first).Average();
            }

            return smoothed;
        }
    }

    /// <summary>The rate at which the smoothed loss falls fastest, of those that have all their neighbours: a rate to begin with. Null where it does not fall.</summary>
    /// <remarks>It is as good as the losses are: batches so small that their noise hides the fall make it a matter of chance. Look at the curve.</remarks>
    public double? Suggestion
    {
        get
        {
            var smoothed = SmoothedLosses;
            var (fastest, at) = (0.0, -1);
            for (var i = _half; i < smoothed.Count - _half; i++)
            {
                var fall = smoothed[i - 1] - smoothed[i + 1];
                if (fall > fastest) (fastest, at) = (fall, i);
            }

            return at < 0 ? null : _rates[at];
        }
    }

    /// <summary>In words: <c>learning rates from 1e-07 to 0.83; the loss falls fastest at 0.012</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"learning rates from {_rates.FirstOrDefault():G3} to {_rates.LastOrDefault():G3}; the loss {(Suggestion is double rate ? string.Create(CultureInfo.InvariantCulture, $"falls fastest at {rate:G3}") : "does not fall")}");

    /// <summary>Writes the steps as CSV: a header, then a line each, numbers with all their digits.</summary>
    /// <param name="writer">Where to.</param>
    /// <exception cref="ArgumentNullException"><paramref name="writer"/> is null.</exception>
    public void WriteCsv(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        var smoothed = SmoothedLosses;
        writer.Write("learning_rate,loss,smoothed_loss\n");
        for (var i = 0; i < _rates.Count; i++) writer.Write(string.Create(CultureInfo.InvariantCulture, $"{_rates[i]:R},{_losses[i]:R},{smoothed[i]:R}\n"));
    }

    /// <summary>Adds a step.</summary>
    /// <returns>Whether the loss has not grown away yet.</returns>
    internal bool Add(double rate, double loss)
    {
        _rates.Add(rate);
        _losses.Add(loss);
        var latest = Math.Min(_half + 1, _losses.Count);
        var mean = _losses.GetRange(_losses.Count - latest, latest).Average();
        _best = Math.Min(_best, mean);
        return mean <= _best + Diverged * Math.Abs(_best);
    }
}

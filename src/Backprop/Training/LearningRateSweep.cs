using System.Globalization;

namespace Backprop;

/// <summary>What the loss does while the learning rate grows from step to step: see <see cref="Trainer{T}.FindLearningRate"/>.</summary>
public sealed class LearningRateSweep
{
    private const double Smoothing = 0.98;      // of the loss's moving average, as fastai and Lightning have it
    private const double Diverged = 3;          // how many times the best loss it is above that

    private readonly List<double> _rates = [], _losses = [], _smoothed = [];
    private double _average;

    internal LearningRateSweep() { }

    /// <summary>The learning rates, one a step; of the first group.</summary>
    public IReadOnlyList<double> LearningRates => _rates;

    /// <summary>The loss before each step. They end where the loss is no number any more, or has grown to four times the smallest.</summary>
    public IReadOnlyList<double> Losses => _losses;

    /// <summary>Their moving average, s_i = 0.98 s_{i-1} + 0.02 l_i, over 1 - 0.98^i, as it began from 0.</summary>
    public IReadOnlyList<double> SmoothedLosses => _smoothed;

    /// <summary>The rate at which the smoothed loss falls fastest: a rate to begin with. Null where it does not fall.</summary>
    /// <remarks>By PyTorch Lightning's rule: the smallest central difference, the first tenth of the steps and the last one left out.</remarks>
    public double? Suggestion
    {
        get
        {
            var (first, end) = (Math.Min(10, _rates.Count / 10), _rates.Count - 1);
            var (fastest, at) = (0.0, -1);
            for (var i = first; i < end; i++)
            {
                int before = Math.Max(i - 1, first), after = Math.Min(i + 1, end - 1);
                var slope = after == before ? 0 : (_smoothed[after] - _smoothed[before]) / (after - before);
                if (slope < fastest) (fastest, at) = (slope, i);
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
        writer.Write("learning_rate,loss,smoothed_loss\n");
        for (var i = 0; i < _rates.Count; i++) writer.Write(string.Create(CultureInfo.InvariantCulture, $"{_rates[i]:R},{_losses[i]:R},{_smoothed[i]:R}\n"));
    }

    /// <summary>Adds a step.</summary>
    /// <returns>Whether the loss has not grown away yet.</returns>
    internal bool Add(double rate, double loss)
    {
        _average = Smoothing * _average + (1 - Smoothing) * loss;
        _rates.Add(rate);
        _losses.Add(loss);
        _smoothed.Add(_average / (1 - Math.Pow(Smoothing, _rates.Count)));
        var best = _smoothed.Min();
        return _smoothed[^1] <= best + Diverged * Math.Abs(best);
    }
}

using System.Globalization;

namespace Backprop;

/// <summary>Draws samples with replacement, each as often as it weighs: <c>torch.multinomial</c>'s rule, the first place where the running share of the weights reaches u.</summary>
internal sealed class WeightedSampling
{
    private readonly double[] _shares, _draws;

    /// <summary>Takes a weight for each sample.</summary>
    internal WeightedSampling(IReadOnlyList<double> weights, int count, string parameter)
    {
        if (weights.Count != count) throw new ArgumentException($"Batches expects a weight for each of {count} samples, but there are {weights.Count}.", parameter);
        (_shares, _draws) = (new double[count], new double[count]);
        var sum = 0.0;
        for (var i = 0; i < count; i++)
        {
            if (!(weights[i] >= 0 && double.IsFinite(weights[i])))
                throw new ArgumentOutOfRangeException(parameter, string.Create(CultureInfo.InvariantCulture, $"Batches expects weights that are finite and at least 0, but that of sample {i} is {weights[i]}."));
            _shares[i] = sum += weights[i];
        }

        if (!(sum > 0 && double.IsFinite(sum)))
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"Batches expects weights with a finite sum above 0, but it is {sum}."), parameter);
        // From the last sample that can be drawn on, the share is 1: rounding must not leave a gap above it.
        for (var i = 0; i < count; i++) _shares[i] = _shares[i] == sum ? 1 : _shares[i] / sum;
    }

    /// <summary>Draws as many samples as there are.</summary>
    internal void Draw(Generator generator, Span<int> samples)
    {
        generator.Uniform(_draws.AsSpan());
        for (var i = 0; i < samples.Length; i++)
        {
            int low = 0, high = _shares.Length - 1;
            while (low < high)
            {
                var middle = low + (high - low) / 2;
                if (_shares[middle] < _draws[i] || _shares[middle] == 0) low = middle + 1;   // u may be 0, and a weight of 0 is never drawn
                else high = middle;
            }

            samples[i] = low;
        }
    }
}

using static System.FormattableString;

namespace Backprop.Explain;

/// <summary>Units whose derivative is 0 for every sample: nothing flows back through them, so they never come back.</summary>
/// <remarks>From a share of 40 % of a layer on. With ReLU a few are usual and harmless; so many are what a learning rate set too high leaves (Stanford's CS231n, Neural Networks Part 1, on the ReLU).
/// A unit counts as dead after 1,000 samples in a row, or as many as there are.</remarks>
public sealed class DeadUnits : Diagnosis
{
    internal const double Many = 0.4;

    /// <inheritdoc/>
    public override string Name => "dead units";

    /// <inheritdoc/>
    public override IEnumerable<Finding> Examine(TrainingRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        for (var i = 0; i < record.Layers.Count; i++)
        {
            var seen = record.Samples.Where(sample => !double.IsNaN(sample.Layers[i].Dead)).ToArray();
            if (seen.Length == 0 || !(seen[^1].Layers[i].Dead >= Many)) continue;
            var (layer, share, first) = (record.Layers[i], seen[^1].Layers[i].Dead, seen.First(sample => sample.Layers[i].Dead >= Many));
            yield return new($"{Upper(layer.Name)}: {Say.Share(share)} of its units are dead",
                Invariant($"{Math.Round(share * layer.Units)} of {layer.Units} units had a derivative of 0 for each of the last {Say.Of(record.Window, "sample")} looked at; so it is, for 40 % or more, since epoch {first.Epoch}, batch {first.Batch}."),
                "Try a smaller learning rate, inputs of mean 0 and deviation 1, biases that begin at 0, or a LeakyReLU, whose derivative is never 0.")
            { Layer = layer.Path, Epoch = first.Epoch, Batch = first.Batch };
        }
    }
}

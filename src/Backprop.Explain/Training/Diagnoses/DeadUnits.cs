using static System.FormattableString;

namespace Backprop.Explain;

/// <summary>Units whose derivative is 0 for every sample: nothing flows back through them, so they never come back.</summary>
/// <remarks>From more than half of a layer on. With ReLU some are usual and harmless: a small layer in the midst of a healthy network may begin with 45 %. Stanford's CS231n (Neural Networks Part 1, on the ReLU) warns of 40 %, which a learning rate set too high leaves.
/// A unit counts as dead after 1,000 samples in a row, or as many as there are.</remarks>
public sealed class DeadUnits : Diagnosis
{
    internal const double Many = 0.5;

    /// <inheritdoc/>
    public override string Name => "dead units";

    /// <inheritdoc/>
    public override IEnumerable<Finding> Examine(TrainingRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        for (var i = 0; i < record.Layers.Count; i++)
        {
            var seen = record.Samples.Where(sample => !double.IsNaN(sample.Layers[i].Dead)).ToArray();
            if (seen.Length == 0 || !(seen[^1].Layers[i].Dead > Many)) continue;
            var (layer, share, first) = (record.Layers[i], seen[^1].Layers[i].Dead, seen.First(sample => sample.Layers[i].Dead > Many));
            yield return new($"{Upper(layer.Name)}: {Say.Share(share)} of its units are dead",
                Invariant($"{Math.Round(share * layer.Units)} of {layer.Units} units had a derivative of 0 for each of the last {Say.Of(record.Window, "sample")} looked at; more than half of them have been dead since epoch {first.Epoch}, batch {first.Batch}."),
                "Try a smaller learning rate, inputs of mean 0 and deviation 1, biases that begin at 0, or a LeakyReLU, whose derivative is never 0.")
            { Layer = layer.Path, Epoch = first.Epoch, Batch = first.Batch };
        }
    }
}

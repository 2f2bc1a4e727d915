using static System.FormattableString;

namespace Backprop.Explain;

/// <summary>Steps that are too short to come anywhere.</summary>
/// <remarks>Where no layer's weights change by more than a hundred-thousandth of their norm a step (a hundredth of what is usual), in the median, and the training loss has changed by less than 5 %: 10,000 such steps may move a weight by a tenth of itself.</remarks>
public sealed class LearningRateTooLow : Diagnosis
{
    private const double ShortStep = 1e-5, Change = 0.05;
    private const int FewestSamples = 10;

    /// <inheritdoc/>
    public override string Name => "a learning rate that is too low";

    /// <inheritdoc/>
    public override IEnumerable<Finding> Examine(TrainingRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        var epochs = record.History.Epochs;
        if (epochs.Count < 2 || epochs[0].TrainingLoss is not (> 0 or < 0) || !(Math.Abs(epochs[^1].TrainingLoss - epochs[0].TrainingLoss) <= Change * Math.Abs(epochs[0].TrainingLoss))) yield break;
        var updates = Enumerable.Range(0, record.Layers.Count).Select(i => (Layer: record.Layers[i], Updates: record.Of(i, sample => sample.Update))).Where(place => place.Updates.Count >= FewestSamples)
            .Select(place => (place.Layer, Update: TrainingRecord.Median(place.Updates))).ToArray();
        if (updates.Length == 0) yield break;
        var (layer, most) = updates.MaxBy(place => place.Update);
        // No change at all is not a rate that is too low, unless it is 0: then nothing gets a gradient.
        if (most > ShortStep || most == 0 && epochs[^1].LearningRate > 0) yield break;
        yield return new("The learning rate is too low",
            Invariant($"A step changes the weights of no layer by more than {Say.Number(most)} of their norm, which {layer.Name} does (medians of {Say.Of(record.Samples.Count, "step")}; about 0.001 is usual), and the training loss went from {Say.Number(epochs[0].TrainingLoss)} in epoch {epochs[0].Epoch} to {Say.Number(epochs[^1].TrainingLoss)} in epoch {epochs[^1].Epoch}."),
            $"It was {Say.Number(epochs[^1].LearningRate)} in the end: try ten times as much, or what FindLearningRate suggests.");
    }
}

using static System.FormattableString;

namespace Backprop.Explain;

/// <summary>Steps that are too long: weights that a step changes by a tenth of themselves, or a loss that grows or jumps about.</summary>
/// <remarks>
/// <para>A step usually changes weights by about a thousandth (A. Karpathy, A Recipe for Training Neural Networks, and CS231n, Neural Networks Part 3). A tenth, in the median of the second half of the steps, is said to be too much:
/// also a schedule with a warm-up is past it by then, and weights that cross 0 do it for a step or two only.</para>
/// <para>The loss grows where it ends at half as much again as the first epoch's. It jumps about where, over the last half of at least 8 epochs, it changes by a tenth of the first epoch's loss from one to the next, and falls by less than one
/// such change in all: the noise of small batches near a minimum is far below a tenth of what the loss was at first.</para>
/// </remarks>
public sealed class LearningRateTooHigh : Diagnosis
{
    private const double LongStep = 0.1, Growth = 0.5, Jump = 0.1;
    private const int FewestSamples = 8, FewestEpochs = 8, FewestToGrow = 3;

    /// <inheritdoc/>
    public override string Name => "a learning rate that is too high";

    /// <inheritdoc/>
    public override IEnumerable<Finding> Examine(TrainingRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        var evidence = new List<string>();
        var layer = LongSteps(record, evidence);
        LossGrows(record, evidence);
        if (evidence.Count == 0) yield break;
        var rate = record.Samples.Count > 0 ? record.Samples[^1].LearningRate : record.History.Epochs[^1].LearningRate;
        yield return new("The learning rate is too high", string.Join(' ', evidence), $"It was {Say.Number(rate)} in the end: try a tenth of it, a warm-up, or what FindLearningRate suggests.") { Layer = layer };
    }

    private static string? LongSteps(TrainingRecord record, List<string> evidence)
    {
        var places = Enumerable.Range(0, record.Layers.Count).Select(i => (Layer: record.Layers[i], Updates: record.Of(i, sample => sample.Update, from: 0.5)))
            .Where(place => place.Updates.Count >= FewestSamples).Select(place => (place.Layer, Update: TrainingRecord.Median(place.Updates))).Where(place => place.Update >= LongStep).OrderByDescending(place => place.Update).ToArray();
        if (places.Length == 0) return null;
        evidence.Add(Invariant($"A step changes the weights of {places[0].Layer.Name} by {(places[0].Update < 2 ? $"{Say.Share(places[0].Update)} of their norm" : $"{Say.Number(places[0].Update)} times their norm")} (median of the second half of the training){(places.Length > 1 ? Invariant($", and those of {Say.Of(places.Length - 1, "other layer")} by a tenth or more") : "")}; about 0.1 % is usual."));
        return places[0].Layer.Path;
    }

    private static void LossGrows(TrainingRecord record, List<string> evidence)
    {
        var losses = record.History.Epochs.Where(epoch => double.IsFinite(epoch.TrainingLoss)).ToArray();
        if (losses.Length >= FewestToGrow && losses[^1].TrainingLoss - losses[0].TrainingLoss > Growth * Math.Abs(losses[0].TrainingLoss))
            evidence.Add(Invariant($"The training loss grew from {Say.Number(losses[0].TrainingLoss)} in epoch {losses[0].Epoch} to {Say.Number(losses[^1].TrainingLoss)} in epoch {losses[^1].Epoch}."));
        else if (losses.Length >= FewestEpochs)
        {
            var late = losses[(losses.Length / 2)..];
            var change = late.Skip(1).Zip(late, (next, epoch) => Math.Abs(next.TrainingLoss - epoch.TrainingLoss)).Average();
            if (change >= Jump * Math.Abs(losses[0].TrainingLoss) && change > 0 && late[0].TrainingLoss - late[^1].TrainingLoss <= change)
                evidence.Add(Invariant($"From epoch {late[0].Epoch} on, the training loss changes by {Say.Number(change)} from one epoch to the next, up and down, and does not fall: it was {Say.Number(losses[0].TrainingLoss)} in epoch {losses[0].Epoch} and is {Say.Number(losses[^1].TrainingLoss)} in epoch {losses[^1].Epoch}."));
        }

        // What ends before an epoch is over has no history yet.
        var steps = record.Samples.Where(sample => double.IsFinite(sample.Loss)).ToArray();
        if (record.Failure is not null && steps.Length > 1 && steps[^1].Loss > 10 * Math.Abs(steps[0].Loss))
            evidence.Add(Invariant($"Before it ended, the loss of a batch grew from {Say.Number(steps[0].Loss)} in epoch {steps[0].Epoch}, batch {steps[0].Batch} to {Say.Number(steps[^1].Loss)} in epoch {steps[^1].Epoch}, batch {steps[^1].Batch}."));
    }
}

using static System.FormattableString;

namespace Backprop.Explain;

/// <summary>A model that predicts no better than the mean of the targets, or the shares of the classes, would for every sample.</summary>
/// <remarks>After at least 3 epochs and 20 steps, where the best loss of the last quarter of the epochs, in training and in validation, is not 2 % below that of the best constant. Not where it still falls: by a
/// hundredth of that from one quarter of the epochs to the next, or, once it is below, by a thousandth; what finds but the best constant comes no further. Where that is not known: where 5 epochs or more have not changed the loss by a thousandth.</remarks>
public sealed class NoLearning : Diagnosis
{
    private const double Better = 0.98, Fall = 1e-2, SlowFall = 1e-3, Still = 1e-3;
    private const int FewestEpochs = 3, FewestSteps = 20, FewestStill = 5;

    /// <inheritdoc/>
    public override string Name => "no learning";

    /// <inheritdoc/>
    public override IEnumerable<Finding> Examine(TrainingRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        var epochs = record.History.Epochs;
        if (epochs.Count < FewestEpochs || record.Steps is > 0 and < FewestSteps || !epochs.All(epoch => double.IsFinite(epoch.TrainingLoss))) yield break;
        const string Suggestion = "Look whether inputs and targets belong together and a few samples can be learned by heart; then at the learning rate and the other findings.";
        if (record.ConstantLoss is > 0 and var constant)
        {
            var best = epochs.Skip(epochs.Count - Math.Max(FewestEpochs, epochs.Count / 4)).MinBy(Least)!;
            if (Least(best) >= Better * constant && record.FallsBy(Least) < (Least(best) < constant ? SlowFall : Fall) * constant)
                yield return new("The model does not learn", Invariant($"The best of its last losses is {Say.Number(Least(best))}, in epoch {best.Epoch}; the best prediction that is the same for every sample has {Say.Number(constant)}."), Suggestion) { Epoch = best.Epoch };
        }
        else if (epochs.Count >= FewestStill && epochs[0].TrainingLoss != 0 && epochs.All(epoch => Math.Abs(epoch.TrainingLoss - epochs[0].TrainingLoss) <= Still * Math.Abs(epochs[0].TrainingLoss)))
            yield return new("The model does not learn", Invariant($"The training loss stands still: it was {Say.Number(epochs[0].TrainingLoss)} in epoch {epochs[0].Epoch} and is {Say.Number(epochs[^1].TrainingLoss)} in epoch {epochs[^1].Epoch}."), Suggestion) { Epoch = epochs[^1].Epoch };
    }

    // Dropout makes the training loss larger than it is.
    private static double Least(EpochResult epoch) => epoch.ValidationLoss is double loss && loss < epoch.TrainingLoss ? loss : epoch.TrainingLoss;
}

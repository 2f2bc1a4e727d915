using static System.FormattableString;

namespace Backprop.Explain;

/// <summary>A validation loss that rises while the training loss falls: the model learns the samples by heart.</summary>
/// <remarks>Where the best epoch is at least 5 back, and the last 5 are all above it by a fifth of it (a few dozen validation samples give a loss that wavers by a tenth), and by a twentieth of what the training had gained until then, and the training loss has fallen since. Not where early stopping brings the best weights back: then all is done.</remarks>
public sealed class Overfitting : Diagnosis
{
    private const int Epochs = 5;
    private const double OfBest = 0.2, OfGain = 0.05;

    /// <inheritdoc/>
    public override string Name => "overfitting";

    /// <inheritdoc/>
    public override IEnumerable<Finding> Examine(TrainingRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (record is { RestoresBest: true, History.EndReason: not null }) yield break;
        var epochs = record.History.Epochs.Where(epoch => epoch.ValidationLoss is double loss && double.IsFinite(loss) && double.IsFinite(epoch.TrainingLoss)).ToArray();
        if (epochs.Length <= Epochs) yield break;
        var best = epochs.MinBy(epoch => epoch.ValidationLoss!.Value)!;
        var (least, last) = (best.ValidationLoss!.Value, epochs[^1]);
        var rise = Math.Max(OfBest * Math.Abs(least), OfGain * Math.Max(epochs[0].ValidationLoss!.Value - least, 0));
        if (last.Epoch - best.Epoch < Epochs || last.TrainingLoss >= best.TrainingLoss || epochs[^Epochs..].Any(epoch => epoch.ValidationLoss!.Value < least + rise)) yield break;
        yield return new(Invariant($"The model overfits from epoch {best.Epoch} on"),
            Invariant($"The validation loss rose from {Say.Number(least)} in epoch {best.Epoch}, its best, to {Say.Number(last.ValidationLoss!.Value)} in epoch {last.Epoch}, while the training loss fell from {Say.Number(best.TrainingLoss)} to {Say.Number(last.TrainingLoss)}."),
            "Stop there: EarlyStopping = new(Patience: 5) brings the best weights back. Then try more samples, weight decay (AdamW), Dropout, or a smaller model.")
        { Epoch = best.Epoch };
    }
}

using static System.FormattableString;

namespace Backprop.Explain;

/// <summary>A loss, a gradient or a parameter that is NaN or infinite: the first place where there was one.</summary>
public sealed class NonFiniteNumber : Diagnosis
{
    /// <inheritdoc/>
    public override string Name => "a number that is not finite";

    /// <inheritdoc/>
    public override IEnumerable<Finding> Examine(TrainingRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (record.Failure is { } failure)
            yield return new(Invariant($"Epoch {failure.Epoch}, batch {failure.Batch} has a number that is not finite"), $"The step was refused: {failure.Message}",
                "Look whether the samples have such values; then try a tenth of the learning rate, MaxGradientNorm = 1, and inputs of mean 0 and deviation 1.")
            { Epoch = failure.Epoch, Batch = failure.Batch };
        if (First(record.History, epoch => epoch.TrainingLoss) is { } training)
            yield return new(Invariant($"The training loss of epoch {training.Epoch} is {Say.Number(training.TrainingLoss)}"), double.IsNaN(training.TrainingLoss) ? "So it is where no sample of the epoch counted, since all are ignored or weigh 0." : "Its batches' losses were finite, but their sum is not.",
                "Look at the targets, at what the loss ignores, and at the scale of both.")
            { Epoch = training.Epoch };
        if (First(record.History, epoch => epoch.ValidationLoss ?? 0) is { } validation)
            yield return new(Invariant($"The validation loss of epoch {validation.Epoch} is {Say.Number(validation.ValidationLoss!.Value)}"), $"The training loss of that epoch is {Say.Number(validation.TrainingLoss)}.", "Look for values that are NaN, infinite or far out in the validation samples.")
            { Epoch = validation.Epoch };
    }

    private static EpochResult? First(History history, Func<EpochResult, double> of) => history.Epochs.FirstOrDefault(epoch => !double.IsFinite(of(epoch)));
}

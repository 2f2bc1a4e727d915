using System.Collections.ObjectModel;
using System.Globalization;

namespace Backprop;

/// <summary>What an epoch came to.</summary>
/// <remarks>
/// Both losses are those of all their samples, as if these were one batch: for <see cref="Reduction.Mean"/> the batches' sums over the batches' divisors
/// (<see cref="Loss{T}.Divisor"/>), term by term where a loss has several (<see cref="Loss{T}.Terms"/>), never a mean of means; for <see cref="Reduction.Sum"/> the sum. So the same samples give the same loss, however they are
/// divided into batches; but the training loss is of a model that changes from batch to batch, and in training mode.
/// </remarks>
/// <param name="Epoch">Its number, from 1.</param>
/// <param name="LearningRate">The learning rate it ended with (of the first group).</param>
/// <param name="TrainingLoss">The loss over its batches, each taken before the step it led to; NaN where no sample counted, as when all are ignored.</param>
/// <param name="ValidationLoss">The loss on the validation samples after it; null without any.</param>
/// <param name="Metrics">The metrics on the validation samples after it.</param>
public sealed record EpochResult(int Epoch, double LearningRate, double TrainingLoss, double? ValidationLoss, IReadOnlyDictionary<string, double> Metrics)
{
    /// <summary>What the parts of the training loss came to, by their names, each without its weight; empty where the loss has none. See <see cref="Loss{T}.PartsOf"/>.</summary>
    public IReadOnlyDictionary<string, double> TrainingParts { get; init; } = ReadOnlyDictionary<string, double>.Empty;

    /// <summary>In words and numbers: <c>epoch 3: training loss 0.25, validation loss 0.5, accuracy 0.9, learning rate 0.01</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"epoch {Epoch}: training loss {TrainingLoss:G6}{(TrainingParts.Count > 0 ? $" ({string.Concat(TrainingParts.Select(part => Named(part.Key, part.Value)))[2..]})" : "")}{(ValidationLoss is double loss ? Named("validation loss", loss) : "")}{string.Concat(Metrics.Select(metric => Named(metric.Key, metric.Value)))}, learning rate {LearningRate:G6}");

    private static string Named(string name, double value) => string.Create(CultureInfo.InvariantCulture, $", {name} {value:G6}");
}

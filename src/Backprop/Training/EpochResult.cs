namespace Backprop;

/// <summary>What an epoch came to.</summary>
/// <param name="Epoch">Its number, from 1.</param>
/// <param name="LearningRate">The learning rate it ended with (of the first group).</param>
/// <param name="TrainingLoss">The mean of its batches' losses, each counted by its samples, and each taken before the step it led to.</param>
/// <param name="ValidationLoss">The loss on the validation samples after it; null without any.</param>
/// <param name="Metrics">The metrics on the validation samples after it.</param>
public sealed record EpochResult(int Epoch, double LearningRate, double TrainingLoss, double? ValidationLoss, IReadOnlyDictionary<string, double> Metrics);

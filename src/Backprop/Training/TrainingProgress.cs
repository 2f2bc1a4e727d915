namespace Backprop;

/// <summary>Where a training is: told after each batch, and once more at the end of each epoch.</summary>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="Epochs">Epochs in all.</param>
/// <param name="Batch">Batches of this epoch that are over.</param>
/// <param name="Batches">Batches in an epoch.</param>
/// <param name="Loss">The mean over this epoch's batches so far, each counted by its samples.</param>
/// <param name="Result">What the epoch came to, when it has ended; null before.</param>
public readonly record struct TrainingProgress(int Epoch, int Epochs, int Batch, int Batches, double Loss, EpochResult? Result);

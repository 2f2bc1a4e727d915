namespace Backprop.Explain;

/// <summary>A step that could not be taken, since a number was not finite.</summary>
/// <param name="Epoch">Its epoch, from 1.</param>
/// <param name="Batch">Its batch in the epoch, from 1.</param>
/// <param name="Message">What the trainer said of it.</param>
public sealed record TrainingFailure(int Epoch, int Batch, string Message);

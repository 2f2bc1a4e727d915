namespace Backprop.Explain;

/// <summary>One step of the training that was looked at.</summary>
/// <param name="Step">Its number, from 1, of the steps that the story saw.</param>
/// <param name="Epoch">Its epoch, from 1.</param>
/// <param name="Batch">Its batch in the epoch, from 1.</param>
/// <param name="Loss">The loss of its batch, from the epoch's running loss: exact where each batch of the epoch counts the same. NaN where the batch before it was not seen.</param>
/// <param name="LearningRate">The learning rate after it.</param>
/// <param name="OutputSpread">How much the predictions for its samples differ: the largest over the columns of (max - min) / max |y|. NaN for a single sample.</param>
/// <param name="Layers">Each layer, in the order of <see cref="TrainingRecord.Layers"/>.</param>
public sealed record TrainingSample(int Step, int Epoch, int Batch, double Loss, double LearningRate, double OutputSpread, IReadOnlyList<LayerSample> Layers);

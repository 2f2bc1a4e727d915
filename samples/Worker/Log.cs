using Backprop;
using Microsoft.Extensions.Logging;

namespace Samples.Worker;

/// <summary>What the service says. The compiler writes the methods: no boxing where nobody reads, and names for what the messages hold.</summary>
internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Epoch {Epoch} of {Epochs}: training loss {TrainingLoss:G6}, validation loss {ValidationLoss:G6}")]
    internal static partial void EpochEnded(this ILogger logger, int epoch, int epochs, double trainingLoss, double? validationLoss);

    [LoggerMessage(Level = LogLevel.Information, Message = "Goes on after {Epoch} epochs and {Batch} batches, from {Checkpoint}")]
    internal static partial void Resumed(this ILogger logger, int epoch, int batch, string checkpoint);

    [LoggerMessage(Level = LogLevel.Information, Message = "Stopped after {Epoch} epochs and {Batch} batches, which are in {Checkpoint}")]
    internal static partial void Stopped(this ILogger logger, int epoch, int batch, string checkpoint);

    [LoggerMessage(Level = LogLevel.Information, Message = "Done: {History}; the model is {Model}")]
    internal static partial void Ended(this ILogger logger, History history, string model);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Warning}")]
    internal static partial void Warned(this ILogger logger, string warning);

    [LoggerMessage(Level = LogLevel.Error, Message = "The training failed")]
    internal static partial void Failed(this ILogger logger, Exception exception);
}

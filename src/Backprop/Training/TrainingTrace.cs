using System.Diagnostics;
using System.Numerics;

namespace Backprop;

/// <summary>The activities of one <see cref="Trainer{T}.Fit"/>: its own, and within it one for each epoch. There is none where nobody listens.</summary>
internal sealed class TrainingTrace<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Trainer<T> _trainer;
    private readonly Activity? _fit;
    private Activity? _epoch;
    private int _firstBatch;    // of the running epoch, in this Fit

    private TrainingTrace(Trainer<T> trainer) => (_trainer, _fit) = (trainer, TrainingTelemetry.Source.StartActivity("backprop.fit"));

    internal static TrainingTrace<T>? Begin(Trainer<T> trainer) => TrainingTelemetry.Source.HasListeners() ? new(trainer) : null;

    internal void Describe(int untilEpoch)
    {
        if (_fit is not { IsAllDataRequested: true }) return;
        _fit.SetTag("backprop.until_epoch", untilEpoch).SetTag("backprop.model", $"{_trainer.Model}").SetTag("backprop.loss", $"{_trainer.Loss}").SetTag("backprop.optimizer", $"{_trainer.Optimizer}")
            .SetTag("backprop.batch_size", _trainer.Training.BatchSize);
    }

    internal void BeginEpoch()
    {
        _firstBatch = _trainer.Batch;
        _epoch = TrainingTelemetry.Source.StartActivity("backprop.epoch")?.SetTag("backprop.epoch", _trainer.Epoch + 1);
    }

    /// <summary>The epoch is over; its activity goes on while its callback runs.</summary>
    internal void Set(EpochResult result)
    {
        _epoch?.SetTag("backprop.batches", _trainer.LastBatches - _firstBatch);
        Set(_epoch, result);
    }

    internal void EndEpoch()
    {
        _epoch?.Dispose();
        _epoch = null;
    }

    /// <summary>The training is over. An epoch that was stopped ends before its time.</summary>
    internal void End(EndReason reason)
    {
        CutEpoch();
        var text = reason switch
        {
            EndReason.Epochs => "epochs",
            EndReason.EarlyStopping => "early_stopping",
            _ => "stopped",
        };
        _fit?.SetTag("backprop.end_reason", text).SetTag("backprop.best_epoch", _trainer.History.Best?.Epoch);
    }

    /// <summary>Marks what an exception ends. False: it is an exception filter that looks on and catches nothing.</summary>
    internal bool Fails(Exception exception)
    {
        TrainingTelemetry.Fail(_epoch, exception);
        TrainingTelemetry.Fail(_fit, exception);
        return false;
    }

    public void Dispose()
    {
        CutEpoch();
        if (_fit is null) return;
        _fit.SetTag("backprop.epochs", _trainer.Epoch);
        if (_trainer.Epoch > 0) Set(_fit, _trainer.LastResult!);
        _fit.Dispose();
    }

    private void CutEpoch()
    {
        // The tag is there already where the epoch's own callback threw.
        if (_epoch is not null && _epoch.GetTagItem("backprop.batches") is null) _epoch.SetTag("backprop.batches", Math.Max(_trainer.Batch - _firstBatch, 0));
        EndEpoch();
    }

    private static void Set(Activity? activity, EpochResult result)
    {
        if (activity is not { IsAllDataRequested: true }) return;
        activity.SetTag("backprop.training.loss", result.TrainingLoss).SetTag("backprop.learning_rate", result.LearningRate).SetTag("backprop.validation.loss", result.ValidationLoss);
        foreach (var (name, value) in result.Metrics) activity.SetTag($"backprop.metric.{name}", value);
    }
}

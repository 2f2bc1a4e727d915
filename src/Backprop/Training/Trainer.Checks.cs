namespace Backprop;

/// <content>What is wrong with a training is said before its first step.</content>
public sealed partial class Trainer<T>
{
    private (int Structure, int Model, int Optimizer) _learning;    // how many parameters learned when that was last looked at, and in which structure

    /// <summary>Looks again whether the optimizer moves all that learns where a callback has frozen or unfrozen something. Does not allocate unless it has.</summary>
    private void FollowFreezing()
    {
        var structure = Checks.Structure.Version;
        if (_learning.Structure == structure) return;
        var (model, optimizer, parameters) = (Model.CountLearning(), 0, Optimizer.Parameters);
        for (var i = 0; i < parameters.Count; i++)
            if (!parameters[i].Frozen) optimizer++;
        if (_learning.Model != model || _learning.Optimizer != optimizer)
        {
            RequireParameters();
            FollowGrowth();
        }

        _learning = (structure, model, optimizer);
    }

    private void Prepare(int untilEpoch)
    {
        RequireParameters();
        RequireSteps(Scheduler, untilEpoch - Epoch, "epoch", untilEpoch);
        RequireSteps(BatchScheduler, StepsPerEpoch is int steps ? (long)(untilEpoch - Epoch) * steps - StepsOf(steps) + (_owesRate ? 1 : 0) : null, GradientAccumulationSteps == 1 ? "batch" : "step", untilEpoch);
        RequireRows();
        RequireMetric(EarlyStopping?.Metric, nameof(EarlyStopping));
        RequireMetric(SchedulerMetric, nameof(Scheduler));
        if (Scheduler is ReduceLROnPlateau plateau && SchedulerMetric is not null && Metrics.First(one => one.Name == SchedulerMetric).GreaterIsBetter != (plateau.Mode == PlateauMode.Max))
            throw new InvalidOperationException($"Trainer expects a ReduceLROnPlateau whose mode is the way in which {SchedulerMetric} gets better, but it is {plateau.Mode}.");
        if (Scheduler is not null && ReferenceEquals(Scheduler, BatchScheduler)) throw new InvalidOperationException($"Trainer expects a scheduler for epochs and another for batches, but this {Scheduler} is both.");
        FollowGrowth();
        GoOnFromLastState();
        CompareRanks("the start of the training");
        if (Epoch == 0 && Batch == 0 && Validation is not null) Evaluate(Validation);   // what is wrong with it is said before hours of training
    }

    private LRScheduler? Own(LRScheduler? scheduler, string property) => scheduler is null || ReferenceEquals(scheduler.Optimizer, Optimizer)
        ? scheduler
        : throw new ArgumentException($"Trainer expects a scheduler of its own optimizer, but this {scheduler} moves the learning rates of another {scheduler.Optimizer}.", property);

    private void RequireIdle(string what)
    {
        if (_isRunning) throw new InvalidOperationException($"{what} cannot be called while Fit runs, as from a callback: stop the training first.");
    }

    private void RequireParameters()
    {
        var missing = AllowPartial ? [] : Optimizer.Missing(Model);
        if (missing.Count > 0)
            throw new InvalidOperationException($"Trainer expects an optimizer of all the model's parameters, but {Optimizer} lacks {string.Join(", ", missing.Select(named => named.Name))}. "
                + "Of layers that were added after it was made, add them with AddGroup; or, to train a part of the model, freeze them or set AllowPartial.");
        var foreign = Optimizer.Foreign(Model);
        if (foreign.Count > 0)
            throw new InvalidOperationException($"Trainer expects an optimizer of the model's parameters alone, but {Optimizer} has others: {string.Join(", ", foreign)}.");
    }

    private void RequireMetric(string? metric, string watcher)
    {
        if (metric is not null && !MeasuredMetrics.Contains(metric))
            throw new InvalidOperationException($"Trainer expects {metric}, which {watcher} watches, among its metrics on validation samples, but {(Validation is null ? "there are no such samples" : Metrics.Count == 0 ? "there are none" : $"they are {string.Join(", ", MeasuredMetrics)}")}.");
    }

    /// <summary>The steps that this epoch has made: its last may be one of fewer batches.</summary>
    private int StepsOf(int stepsPerEpoch) => Batch == Training.Count ? stepsPerEpoch : Batch / GradientAccumulationSteps;

    private int? StepsPerEpoch => (Training.Count - 1) / GradientAccumulationSteps + 1;

    private static void RequireSteps(LRScheduler? scheduler, long? steps, string each, int untilEpoch)
    {
        if (scheduler?.RemainingSteps is not long remaining) return;
        if (steps is null)
            throw new InvalidOperationException($"{scheduler} steps once a batch and must know how many there are, but the training samples come without their number: where it is known, the source of batches can be told (SampleCount).");
        if (remaining < steps)
            throw new InvalidOperationException($"{scheduler} steps once {(each == "epoch" ? "an epoch" : $"a {each}")} and has {Math.Max(remaining, 0)} steps left, but training until epoch {untilEpoch} takes {steps}.");
    }

    private void RequireRows()
    {
        if (Training.LastBatchSize < Shards) throw TooFew($"Trainer expects at least {Shards} samples in a batch, one for each shard, but ");
        var rows = (long)(Training.LastBatchSize / Shards) * Training.InputRows;
        if (rows >= Model.MinTrainingRows) return;
        var (path, layer) = ("", Model);
        while (layer.Children.FirstOrDefault(child => child.Layer.MinTrainingRows > rows) is { } child)
            (path, layer) = (path.Length == 0 ? child.Name : $"{path}.{child.Name}", child.Layer);
        throw TooFew($"{(path.Length == 0 ? "" : $"{path}: ")}{layer} expects at least {layer.MinTrainingRows} samples in {(Shards > 1 ? $"each of {Shards} shards of a batch" : "a batch")}, but ");

        ArgumentException TooFew(string expectation) => new(expectation
            + (Training.SampleCount is long count
                ? $"the last of {Text(count)} samples in batches of {Training.BatchSize} has {Training.LastBatchSize}. Batches with dropLast: true, or of another size, are without it."
                : $"the last batch may have {Training.LastBatchSize}, since the samples come without their number. Batches with dropLast: true are without it."));
    }

    /// <summary>New passes where layers were added: an old one leads through the old network.</summary>
    private void FollowGrowth()
    {
        if (Pass.LeadsThrough(Model)) return;
        (Pass, _evaluation) = (Model.NewPass(), new(Model, Loss));
        var model = ModelState<T>.Of(Model);
        if (_bestState?.Fits(model) == false) (_bestState, _lastState) = (null, null);    // what a smaller model knew
    }

    private void GoOnFromLastState()
    {
        if (_lastState is null) return;
        var model = ModelState<T>.Of(Model);
        if (model.HasBitsOf(_bestState!)) _lastState.CopyTo(model);     // else other weights were put there since, on purpose
        _lastState = null;
    }
}

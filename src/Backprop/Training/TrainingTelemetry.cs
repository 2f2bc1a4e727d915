using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Backprop;

/// <summary>What a <see cref="Trainer{T}"/> tells those who watch from outside: an <see cref="ActivitySource"/> and a <see cref="Meter"/>, both of the name <see cref="Name"/>.</summary>
/// <remarks>
/// <para>Whoever listens by that name, is told; where nobody listens, it costs nothing. It changes no bit of a training and allocates nothing in a step.</para>
/// <para>Activities: <c>backprop.fit</c>, within it <c>backprop.epoch</c> for each epoch, and <c>backprop.validation</c> for each <see cref="Trainer{T}.Evaluate"/>. What fails ends with an
/// error status and the exception, what is cancelled with the end reason <c>cancelled</c>. While a callback runs, <see cref="Activity.Current"/> is its epoch's; at the end of the training, that of the whole.</para>
/// <para>Measurements: <c>backprop.training.steps</c>, <c>backprop.training.samples</c>, <c>backprop.training.step.duration</c> and <c>backprop.training.epoch.duration</c> in seconds;
/// after each epoch <c>backprop.training.loss</c>, <c>backprop.training.learning_rate</c>, <c>backprop.validation.loss</c> and, with the metric's name in <c>backprop.metric.name</c>,
/// <c>backprop.validation.metric</c>. Those of all trainings of a process come together.</para>
/// </remarks>
/// <example>
/// <code>
/// using var listener = new System.Diagnostics.ActivityListener
/// {
///     ShouldListenTo = source => source.Name == TrainingTelemetry.Name,
///     Sample = (ref System.Diagnostics.ActivityCreationOptions&lt;System.Diagnostics.ActivityContext&gt; _) => System.Diagnostics.ActivitySamplingResult.AllDataAndRecorded,
///     ActivityStopped = activity => Console.WriteLine($"{activity.OperationName} {activity.Duration}"),
/// };
/// System.Diagnostics.ActivitySource.AddActivityListener(listener);
/// trainer.Fit(untilEpoch: 2);
/// </code>
/// </example>
public static class TrainingTelemetry
{
    /// <summary>The name of the <see cref="ActivitySource"/> and of the <see cref="Meter"/>.</summary>
    public const string Name = "Backprop";

    private static readonly string? Version = typeof(TrainingTelemetry).Assembly.GetName().Version?.ToString(3);

    private static readonly Meter Meter = new(Name, Version);

    internal static ActivitySource Source { get; } = new(Name, Version);

    /// <summary>Steps of the optimizer, the samples in their batches, and how long a step takes: from asking for its first batch until the optimizer has stepped, without callbacks.</summary>
    internal static Counter<long> Steps { get; } = Meter.CreateCounter<long>("backprop.training.steps", "{step}", "Steps of the optimizer.");

    internal static Counter<long> Samples { get; } = Meter.CreateCounter<long>("backprop.training.samples", "{sample}", "Samples in the batches that were learned from.");

    internal static Histogram<double> StepDuration { get; } = Meter.CreateHistogram(
        "backprop.training.step.duration", "s", "How long a step takes, from asking for its first batch on.", tags: null,
        new InstrumentAdvice<double> { HistogramBucketBoundaries = [1e-6, 1e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5] });

    private static readonly Histogram<double> EpochDuration = Meter.CreateHistogram(
        "backprop.training.epoch.duration", "s", "How long an epoch takes, callbacks after its batches and validation among it.", tags: null,
        new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200] });

    private static readonly Gauge<double> TrainingLoss = Meter.CreateGauge<double>("backprop.training.loss", "1", "The training loss of the epoch that ended last.");
    private static readonly Gauge<double> LearningRate = Meter.CreateGauge<double>("backprop.training.learning_rate", "1", "The learning rate that the epoch ended with.");
    private static readonly Gauge<double> ValidationLoss = Meter.CreateGauge<double>("backprop.validation.loss", "1", "The validation loss after the epoch that ended last.");
    private static readonly Gauge<double> ValidationMetric = Meter.CreateGauge<double>("backprop.validation.metric", "1", "A metric on the validation samples, by its name.");

    /// <summary>Tells what an epoch came to. A loss that is NaN, since no sample counted, is not told.</summary>
    internal static void Record(EpochResult epoch, long began)
    {
        EpochDuration.Record(Stopwatch.GetElapsedTime(began).TotalSeconds);
        if (!double.IsNaN(epoch.TrainingLoss)) TrainingLoss.Record(epoch.TrainingLoss);
        LearningRate.Record(epoch.LearningRate);
        if (epoch.ValidationLoss is double loss && !double.IsNaN(loss)) ValidationLoss.Record(loss);
        if (!ValidationMetric.Enabled) return;
        foreach (var (name, value) in epoch.Metrics)
            if (!double.IsNaN(value)) ValidationMetric.Record(value, new KeyValuePair<string, object?>("backprop.metric.name", name));
    }

    /// <summary>Marks an activity as ended by an exception; a cancellation is no error.</summary>
    internal static void Fail(Activity? activity, Exception exception)
    {
        if (activity is null) return;
        if (exception is OperationCanceledException)
        {
            activity.SetTag("backprop.end_reason", "cancelled");
            return;
        }

        activity.SetTag("error.type", exception.GetType().FullName).SetStatus(ActivityStatusCode.Error, exception.Message);
        activity.AddException(exception);
    }
}

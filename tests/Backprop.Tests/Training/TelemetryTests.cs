using System.Diagnostics;
using System.Diagnostics.Metrics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>What a training tells from outside, and that it trains the same whether anyone listens or not.</summary>
/// <remarks>Other tests train at the same time: activities are told apart by their trace, measurements by their thread.</remarks>
public sealed class TelemetryTests
{
    [Fact]
    public void A_training_is_an_activity_and_so_are_its_epochs_and_validations()
    {
        var trainer = Runs.Build<double>(new(Samples: 12, BatchSize: 5));
        using var heard = new Activities();
        var history = trainer.Fit(2);

        heard.Ended.Select(activity => activity.OperationName).Should().Equal("backprop.validation", "backprop.validation", "backprop.epoch", "backprop.validation", "backprop.epoch", "backprop.fit");
        var (fit, epochs) = (heard.Of("backprop.fit").Single(), heard.Of("backprop.epoch"));
        fit.ParentSpanId.Should().Be(heard.Root.SpanId);
        epochs.Should().OnlyContain(epoch => epoch.ParentSpanId == fit.SpanId);
        heard.Of("backprop.validation").Select(activity => activity.ParentSpanId).Should().Equal(fit.SpanId, epochs[0].SpanId, epochs[1].SpanId);
        Tags(fit).Should().Contain(
        [
            new("backprop.until_epoch", 2), new("backprop.model", $"{trainer.Model}"), new("backprop.loss", "CrossEntropyLoss()"), new("backprop.optimizer", $"{trainer.Optimizer}"), new("backprop.batch_size", 5),
            new("backprop.epochs", 2), new("backprop.end_reason", "epochs"), new("backprop.best_epoch", history.Best!.Epoch), new("backprop.training.loss", history.Epochs[1].TrainingLoss),
        ]);
        Tags(epochs[1]).Should().BeEquivalentTo(new Dictionary<string, object?>(history.Epochs[1].Metrics.Select(metric => KeyValuePair.Create<string, object?>($"backprop.metric.{metric.Key}", metric.Value)))
        {
            ["backprop.epoch"] = 2,
            ["backprop.batches"] = 3,
            ["backprop.training.loss"] = history.Epochs[1].TrainingLoss,
            ["backprop.validation.loss"] = history.Epochs[1].ValidationLoss,
            ["backprop.learning_rate"] = 0.02,
        });
        Tags(heard.Of("backprop.validation")[2]).Should().BeEquivalentTo(new Dictionary<string, object?> { ["backprop.samples"] = 11, ["backprop.validation.loss"] = history.Epochs[1].ValidationLoss });
        heard.Ended.Should().OnlyContain(activity => activity.Status == ActivityStatusCode.Unset && activity.Source.Version != null);
        Activity.Current.Should().Be(heard.Root);
    }

    [Theory]
    [InlineData(TrainingMoment.BatchEnd, "backprop.epoch")]
    [InlineData(TrainingMoment.EpochEnd, "backprop.epoch")]
    [InlineData(TrainingMoment.End, "backprop.fit")]
    public void What_a_callback_logs_belongs_to_its_epoch_and_what_it_throws_ends_all_with_an_error(TrainingMoment moment, string current)
    {
        var trainer = Runs.Build<double>(new(Samples: 12, BatchSize: 5));
        using var heard = new Activities();
        trainer.Invoking(t => t.Fit(1, told =>
        {
            if (told.Moment != moment || told.Batch == 1) return;
            Activity.Current!.OperationName.Should().Be(current);
            throw new TimeoutException("enough");
        })).Should().Throw<TimeoutException>();

        Activity.Current.Should().Be(heard.Root);
        string[] failed = moment == TrainingMoment.End ? ["backprop.fit"] : ["backprop.epoch", "backprop.fit"];
        heard.Ended.Where(activity => activity.Status == ActivityStatusCode.Error).Select(activity => activity.OperationName).Should().Equal(failed);
        var fit = heard.Of("backprop.fit").Single();
        (fit.StatusDescription, Tags(fit)["error.type"], fit.Events.Single().Name).Should().Be(("enough", "System.TimeoutException", "exception"));
        Tags(heard.Of("backprop.epoch").Single())["backprop.batches"].Should().Be(moment == TrainingMoment.BatchEnd ? 2 : 3);
    }

    [Fact]
    public void Validation_samples_that_do_not_fit_end_their_own_activity_with_an_error_too()
    {
        var trainer = new Trainer<double>(new Linear<double>(2, 1), new MSELoss<double>(), new SGD<double>([new VectorParameter<double>("a", 1)], 0.1), new Batches<double>(Any.Matrix<double>(4, 2, 1), Any.Matrix<double>(4, 1, 2), 2));
        using var heard = new Activities();
        trainer.Invoking(t => t.Evaluate(new(Any.Matrix<double>(4, 3, 1), Any.Matrix<double>(4, 1, 2)))).Should().Throw<ArgumentException>();
        heard.Ended.Single().Status.Should().Be(ActivityStatusCode.Error);
    }

    [Fact]
    public void A_cancellation_is_no_error_and_a_training_that_goes_on_tells_of_the_batches_that_were_left()
    {
        var trainer = Runs.Build<double>(new(Samples: 12, BatchSize: 5, Validation: false));
        using var cancellation = new CancellationTokenSource();
        using (var heard = new Activities())
        {
            trainer.Invoking(t => t.Fit(3, told =>
            {
                if ((told.Epoch, told.Batch) == (2, 2)) cancellation.Cancel();
            }, cancellation.Token)).Should().Throw<OperationCanceledException>();
            Tags(heard.Of("backprop.fit").Single())["backprop.end_reason"].Should().Be("cancelled");
            heard.Of("backprop.epoch").Select(epoch => (Tags(epoch)["backprop.batches"], Tags(epoch).GetValueOrDefault("backprop.end_reason"))).Should().Equal((3, null), (2, "cancelled"));
            heard.Ended.Should().OnlyContain(activity => activity.Status == ActivityStatusCode.Unset);
        }

        using (var heard = new Activities())
        {
            trainer.Fit(3, told =>
            {
                if ((told.Epoch, told.Batch) == (3, 1)) told.Stop();
            });
            heard.Of("backprop.epoch").Select(epoch => (Tags(epoch)["backprop.epoch"], Tags(epoch)["backprop.batches"])).Should().Equal((2, 1), (3, 1));
            Tags(heard.Of("backprop.fit").Single())["backprop.end_reason"].Should().Be("stopped");
        }
    }

    [Fact]
    public void Early_stopping_is_an_end_reason()
    {
        using var heard = new Activities();
        Runs.Build<double>(new(LearningRate: 0.5, EarlyStopping: new(Patience: 2))).Fit(100).EndReason.Should().Be(EndReason.EarlyStopping);
        Tags(heard.Of("backprop.fit").Single())["backprop.end_reason"].Should().Be("early_stopping");
    }

    [Theory]
    [InlineData(1, 3)]
    [InlineData(2, 2)]
    public void Steps_samples_durations_and_losses_are_measured(int accumulate, int steps)
    {
        var trainer = Runs.Build<double>(new(Samples: 12, BatchSize: 5, Accumulate: accumulate));
        using var heard = new Measurements();
        var history = trainer.Fit(2, told => Thread.Sleep(told.Moment == TrainingMoment.BatchEnd ? 60 : 0));

        heard.Of("backprop.training.steps").Sum().Should().Be(2 * steps);
        heard.Of("backprop.training.samples").Sum().Should().Be(24);
        heard.Of("backprop.training.step.duration").Should().HaveCount(2 * steps).And.OnlyContain(seconds => seconds > 0);
        heard.Of("backprop.training.step.duration").Min().Should().BeLessThan(0.05, "callbacks do not count; a busy machine may keep some steps waiting, but not all");
        heard.Of("backprop.training.epoch.duration").Should().HaveCount(2).And.OnlyContain(seconds => seconds >= 0.06 && seconds < 100);
        heard.Of("backprop.training.loss").Should().Equal(history.Epochs.Select(epoch => epoch.TrainingLoss));
        heard.Of("backprop.training.learning_rate").Should().Equal(0.02, 0.02);
        heard.Of("backprop.validation.loss").Should().Equal(history.Epochs.Select(epoch => epoch.ValidationLoss!.Value));
        heard.Of("backprop.validation.metric accuracy").Should().Equal(history.Epochs.Select(epoch => epoch.Metrics["accuracy"]));
        (heard.Units["backprop.training.steps"], heard.Units["backprop.training.samples"], heard.Units["backprop.training.step.duration"], heard.Units["backprop.validation.loss"]).Should().Be(("{step}", "{sample}", "s", "1"));
    }

    [Fact]
    public void A_loss_of_no_samples_is_not_measured_and_takes_no_step()
    {
        var model = new Sequential<double> { new Linear<double>(2, 3, generator: new Generator(1)) };
        var trainer = new Trainer<double>(model, new CrossEntropyLoss<double>(), new SGD<double>(model.Parameters, 0.1), new Batches<double>(Any.Matrix<double>(4, 2, 1), Matrix<double>.Build.Dense(4, 1, -100), 2));
        using var heard = new Measurements();
        trainer.Fit(1).Epochs[0].TrainingLoss.Should().Be(double.NaN);
        heard.Of("backprop.training.loss").Should().BeEmpty();
        heard.Of("backprop.training.steps").Should().BeEmpty();
        heard.Of("backprop.training.samples").Sum().Should().Be(4);
    }

    [Fact]
    public void A_sample_of_several_rows_is_one_and_a_step_of_a_loop_of_ones_own_counts()
    {
        var model = new Sequential<double> { new Linear<double>(2, 1, generator: new Generator(1)) };
        var samples = new Samples<double>(Any.Matrix<double>(12, 2, 1), Any.Matrix<double>(12, 1, 2), inputRows: 3, targetRows: 3);
        var trainer = new Trainer<double>(model, new MSELoss<double>(), new SGD<double>(model.Parameters, 0.1), new Batches<double>(samples, 2));
        using var heard = new Measurements();
        trainer.Step(samples.X, samples.Y);
        (heard.Of("backprop.training.steps").Sum(), heard.Of("backprop.training.samples").Sum(), heard.Of("backprop.training.step.duration").Count).Should().Be((1, 4, 1));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void No_step_allocates_and_no_bit_changes_whether_anyone_listens_or_not(bool traced, bool measured)
    {
        var settings = new Runs.Settings(Samples: 400, BatchSize: 5, BatchNorm: false, Dropout: 0);
        var expected = Runs.Build<double>(settings);
        expected.Fit(4);

        using var activities = traced ? new Activities() : null;
        using var measurements = measured ? new Measurements(keeps: false) : null;
        var trainer = Runs.Build<double>(settings);
        var (least, before) = (long.MaxValue, 0L);
        trainer.Fit(4, told =>
        {
            if (told.Moment != TrainingMoment.BatchEnd) return;
            if (told.Batch == 10) before = GC.GetAllocatedBytesForCurrentThread();
            if (told.Batch == 70) least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        });
        least.Should().Be(0);
        Runs.Bits(trainer).Should().Be(Runs.Bits(expected));
    }

    [Theory]
    [InlineData("backprop.training.steps")]
    [InlineData("backprop.training.samples")]
    [InlineData("backprop.training.step.duration")]
    public void A_listener_that_throws_has_no_step_taken_twice(string instrument)
    {
        var (trainer, twin) = (Runs.Build<double>(new()), Runs.Build<double>(new()));
        twin.Fit(2);
        using (var listener = new System.Diagnostics.Metrics.MeterListener())
        {
            listener.InstrumentPublished = (published, own) =>
            {
                if (published.Meter.Name == TrainingTelemetry.Name && published.Name == instrument) own.EnableMeasurementEvents(published);
            };
            var thread = Environment.CurrentManagedThreadId;
            void Throw()
            {
                if (Environment.CurrentManagedThreadId == thread) throw new IOException("once");
            }

            listener.SetMeasurementEventCallback<long>((_, _, _, _) => Throw());
            listener.SetMeasurementEventCallback<double>((_, _, _, _) => Throw());
            listener.Start();
            ((Action)(() => trainer.Fit(2))).Should().Throw<IOException>();
        }

        trainer.Batch.Should().Be(1);
        trainer.Fit(2);
        Runs.Bits(trainer).Should().Be(Runs.Bits(twin));
    }

    [Fact]
    public void A_listener_that_throws_leaves_a_trainer_that_can_go_on()
    {
        var (trainer, thread) = (Runs.Build<double>(new()), Environment.CurrentManagedThreadId);
        using (var listener = new ActivityListener())
        {
            listener.ShouldListenTo = source => source.Name == TrainingTelemetry.Name;
            listener.Sample = (ref ActivityCreationOptions<ActivityContext> _) => Environment.CurrentManagedThreadId == thread ? throw new TimeoutException() : ActivitySamplingResult.None;
            ActivitySource.AddActivityListener(listener);
            trainer.Invoking(t => t.Fit(1)).Should().Throw<TimeoutException>();
        }

        trainer.Fit(1).Epochs.Should().HaveCount(1);
    }

    private static Dictionary<string, object?> Tags(Activity activity) => activity.TagObjects.ToDictionary();

    /// <summary>The activities within one of the test's own.</summary>
    private sealed class Activities : IDisposable
    {
        private readonly ActivitySource _source = new($"test {Guid.NewGuid()}");
        private readonly ActivityListener _listener;
        private readonly Lock _lock = new();
        private readonly List<Activity> _ended = [];

        public Activities()
        {
            _listener = new()
            {
                ShouldListenTo = source => source == _source || source.Name == TrainingTelemetry.Name,
                Sample = (ref ActivityCreationOptions<ActivityContext> options) => options.Source == _source || options.Parent.TraceId == Root?.TraceId ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.None,
                ActivityStopped = activity =>
                {
                    lock (_lock)
                        if (activity.TraceId == Root!.TraceId && activity != Root) _ended.Add(activity);
                },
            };
            ActivitySource.AddActivityListener(_listener);
            Root = _source.StartActivity("root")!;
        }

        public Activity Root { get; }

        public IReadOnlyList<Activity> Ended => _ended;

        public IReadOnlyList<Activity> Of(string name) => [.. _ended.Where(activity => activity.OperationName == name)];

        public void Dispose()
        {
            Root.Dispose();
            _listener.Dispose();
            _source.Dispose();
        }
    }

    /// <summary>What is measured on this thread.</summary>
    private sealed class Measurements : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly Dictionary<string, List<double>> _values = [];
        private readonly int _thread = Environment.CurrentManagedThreadId;
        private readonly bool _keeps;

        public Measurements(bool keeps = true)
        {
            _keeps = keeps;
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name != TrainingTelemetry.Name) return;
                Units[instrument.Name] = instrument.Unit!;
                listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.Start();
        }

        public Dictionary<string, string> Units { get; } = [];

        public List<double> Of(string name) => _values.GetValueOrDefault(name, []);

        public void Dispose() => _listener.Dispose();

        private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (Environment.CurrentManagedThreadId != _thread || !_keeps) return;
            var name = tags.Length == 0 ? instrument.Name : $"{instrument.Name} {tags[0].Value}";
            if (!_values.TryGetValue(name, out var values)) _values[name] = values = [];
            values.Add(value);
        }
    }
}

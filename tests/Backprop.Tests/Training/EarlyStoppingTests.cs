using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

public abstract class EarlyStoppingTests<T> : IDisposable where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"backprop-{Guid.NewGuid():N}.checkpoint");

    public void Dispose()
    {
        File.Delete(_path);
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void A_number_is_better_than_NaN()
    {
        var trainer = Scripts.WithValidationLosses<T>(new(Patience: 3), double.NaN, 8.5, 3.5, 1.5, 1.25, 1);
        var warnings = new List<(int, string)>();
        var history = trainer.Fit(6, progress =>
        {
            if (progress.Warning is { } warning) warnings.Add((progress.Epoch, warning));
        });
        (history.Epochs.Count, history.Best!.Epoch, history.EndReason).Should().Be((6, 6, EndReason.Epochs));
        history.Warnings.Should().ContainSingle().Which.Should().StartWith("The validation loss of epoch 1 is NaN, ");
        warnings.Should().Equal([(1, history.Warnings[0])], "it is said once");
    }

    [Fact]
    public void NaN_is_never_better_than_a_number()
    {
        var trainer = Scripts.WithValidationLosses<T>(new(Patience: 3), 1, double.NaN, double.NaN, double.NaN, 0.5);
        var states = States(trainer);
        var (history, warned) = (trainer.Fit(5, states.Add), states.Warned);
        (history.Epochs.Count, history.Best!.Epoch, history.EndReason).Should().Be((4, 1, EndReason.EarlyStopping));
        Runs.Model(trainer.Model).Should().Be(states.Epochs[0]);
        warned.Should().Equal(2);
    }

    [Fact]
    public void Losses_that_are_all_NaN_end_the_training_too() =>
        Scripts.WithValidationLosses<T>(new(Patience: 2), double.NaN, double.NaN, double.NaN, double.NaN).Fit(4).EndReason.Should().Be(EndReason.EarlyStopping);

    [Fact]
    public void The_best_weights_come_back_without_ever_stopping_early()
    {
        var trainer = Scripts.WithValidationLosses<T>(EarlyStopping.BestOnly(), [3, 1, .. Enumerable.Repeat(2.0, 48)]);
        var states = States(trainer);
        var history = trainer.Fit(50, states.Add);
        (history.Epochs.Count, history.Best!.Epoch, history.EndReason).Should().Be((50, 2, EndReason.Epochs));
        Runs.Model(trainer.Model).Should().Be(states.Epochs[1]);
        EarlyStopping.BestOnly("accuracy", 0.5).Should().Be(new EarlyStopping(int.MaxValue, 0.5, true, "accuracy"));
    }

    [Fact]
    public void A_scheduler_watches_the_metric_that_it_is_told()
    {
        Trainer<T> New(string? metric)
        {
            var twin = Runs.Build<T>(new());
            return new(twin.Model, twin.Loss, twin.Optimizer, twin.Training)
            {
                Validation = twin.Validation,
                Metrics = twin.Metrics,
                SchedulerMetric = metric,
                Scheduler = new ReduceLROnPlateau(twin.Optimizer, PlateauMode.Max, patience: 0, threshold: 0),
            };
        }

        var trainer = New("accuracy");
        trainer.Fit(6);
        // The rule, said again: an accuracy that is not above the best one so far lowers the rate.
        var (best, rate) = (double.NegativeInfinity, 0.02);
        foreach (var epoch in trainer.History.Epochs)
        {
            epoch.LearningRate.Should().BeApproximately(rate, 1e-12);
            if (epoch.Metrics["accuracy"] > best) best = epoch.Metrics["accuracy"];
            else rate *= 0.1;
        }

        rate.Should().BeLessThan(0.02, "it fell at least once");
        var unknown = () => New("f1").Fit(1);
        unknown.Should().Throw<InvalidOperationException>().WithMessage("Trainer expects f1, which Scheduler watches, among its metrics on validation samples, but they are accuracy, top_2_accuracy.");

        var wrongWay = Runs.Build<T>(new());
        var lowest = new Trainer<T>(wrongWay.Model, wrongWay.Loss, wrongWay.Optimizer, wrongWay.Training) { Validation = wrongWay.Validation, Metrics = wrongWay.Metrics, SchedulerMetric = "accuracy", Scheduler = new ReduceLROnPlateau(wrongWay.Optimizer) };
        ((Action)(() => lowest.Fit(1))).Should().Throw<InvalidOperationException>().WithMessage("Trainer expects a ReduceLROnPlateau whose mode is the way in which accuracy gets better, but it is Min.");
        trainer.SaveCheckpoint(_path);
        var other = New(null);
        var load = () => other.LoadCheckpoint(_path);
        load.Should().Throw<InvalidDataException>().WithMessage("*watched by the scheduler: accuracy there, nothing here; ResumeChanges.Schedulers allows it*");
        var resumed = New("accuracy");
        resumed.LoadCheckpoint(_path);
        trainer.Fit(8);
        resumed.Fit(8);
        Runs.Bits(resumed).Should().Be(Runs.Bits(trainer));
    }

    [Fact]
    public void The_best_weights_come_back_when_all_epochs_ran()
    {
        var trainer = Scripts.WithValidationLosses<T>(new(Patience: 10), 1, 2, 3);
        var states = States(trainer);
        var history = trainer.Fit(3, states.Add);
        (history.Best!.Epoch, history.EndReason, trainer.EndReason).Should().Be((1, EndReason.Epochs, EndReason.Epochs));
        Runs.Model(trainer.Model).Should().Be(states.Epochs[0]).And.NotBe(states.Epochs[2]);
        states.AtTheEnd.Should().Be(states.Epochs[0], "they are back when the end is told");
        trainer.Fit(3);
        Runs.Model(trainer.Model).Should().Be(states.Epochs[0]);

        var kept = Scripts.WithValidationLosses<T>(new(Patience: 10, RestoreBest: false), 1, 2, 3);
        kept.Fit(3);
        Runs.Model(kept.Model).Should().Be(states.Epochs[2]);
    }

    [Fact]
    public void A_training_that_ended_with_its_best_weights_goes_on_from_its_last()
    {
        double[] losses = [1, 2, 3, 4, 0.5];
        var (uninterrupted, trainer) = (Scripts.WithValidationLosses<T>(new(Patience: 10), losses), Scripts.WithValidationLosses<T>(new(Patience: 10), losses));
        uninterrupted.Fit(5);
        trainer.Fit(2);
        trainer.Fit(5);
        Runs.Model(trainer.Model).Should().Be(Runs.Model(uninterrupted.Model));
    }

    [Fact]
    public void Weights_that_were_set_after_the_end_stay()
    {
        var trainer = Scripts.WithValidationLosses<T>(new(Patience: 10), 1, 2, 0.5);
        trainer.Fit(2);
        var weight = trainer.Model.Parameters[0];
        weight.Values[0] = T.CreateChecked(1000);
        trainer.Fit(3);
        weight.Values[0].Should().Be(T.CreateChecked(1000 - 2 * 2 * 0.25), "two steps follow, each with a gradient of 1 from two rows");
    }

    [Fact]
    public void A_checkpoint_of_the_end_holds_the_best_weights_and_goes_on_from_the_last()
    {
        var best = Runs.Build<T>(new(LearningRate: 0.5, EarlyStopping: new(3))).Fit(100).Best!.Epoch;
        var settings = new Runs.Settings(LearningRate: 0.5, EarlyStopping: new(100));
        var (uninterrupted, trainer, resumed) = (Runs.Build<T>(settings), Runs.Build<T>(settings), Runs.Build<T>(settings));
        uninterrupted.Fit(best + 4);
        trainer.Fit(best + 2).Best!.Epoch.Should().Be(best);
        trainer.SaveCheckpoint(_path);
        resumed.LoadCheckpoint(_path);
        Runs.Bits(resumed).Should().Be(Runs.Bits(trainer));
        resumed.Fit(best + 4);
        Runs.Bits(resumed).Should().Be(Runs.Bits(uninterrupted));
        (resumed.History.Best!.Epoch, resumed.EndReason).Should().Be((uninterrupted.History.Best!.Epoch, EndReason.Epochs));
    }

    [Fact]
    public void A_metric_can_be_watched_the_way_it_gets_better()
    {
        var trainer = Runs.Build<T>(new(Dropout: 0, EarlyStopping: new(Patience: 50, Metric: "accuracy")));
        var history = trainer.Fit(20);
        history.Best.Should().Be(history.Epochs.MaxBy(epoch => epoch.Metrics["accuracy"])).And.NotBe(history.Epochs[0]);
        trainer.Evaluate(trainer.Validation!).Metrics["accuracy"].Should().Be(history.Best!.Metrics["accuracy"]);
        (new Accuracy<T>().GreaterIsBetter, new R2<T>().GreaterIsBetter, new MeanAbsoluteError<T>().GreaterIsBetter).Should().Be((true, true, false));
        new EarlyStopping(2, Metric: "accuracy").ToString().Should().Be("EarlyStopping(2, 0, accuracy)");

        Runs.Build<T>(new(EarlyStopping: new(2, Metric: "f1"))).Invoking(t => t.Fit(1)).Should().Throw<InvalidOperationException>()
            .WithMessage("Trainer expects f1, which EarlyStopping watches, among its metrics on validation samples, but they are accuracy, top_2_accuracy.");
        Runs.Build<T>(new(Validation: false, EarlyStopping: new(2, Metric: "accuracy"))).Invoking(t => t.Fit(1)).Should().Throw<InvalidOperationException>()
            .WithMessage("Trainer expects accuracy, *, but there are no such samples.");
    }

    [Fact]
    public void The_best_epoch_is_known_without_early_stopping()
    {
        var trainer = Scripts.WithValidationLosses<T>(null, 3, 1, 2);
        (trainer.History.Best, trainer.History.EndReason).Should().Be((null, null));
        var history = trainer.Fit(3);
        history.Best.Should().BeSameAs(history.Epochs[1]);
        history.ToString().Should().Be("3 epochs, the best 2, ended by Epochs");
    }

    [Fact]
    public void A_callback_stops_the_training_and_another_Fit_goes_on()
    {
        var (uninterrupted, trainer) = (Runs.Build<T>(new()), Runs.Build<T>(new()));
        uninterrupted.Fit(3);
        var ends = new List<EndReason?>();
        var history = trainer.Fit(3, progress =>
        {
            if (progress is { Moment: TrainingMoment.BatchEnd, Epoch: 2, Batch: 2 }) progress.Stop();
            if (progress.Moment == TrainingMoment.End) ends.Add(progress.EndReason);
        });
        (trainer.Epoch, trainer.Batch, history.EndReason).Should().Be((1, 2, EndReason.Stopped));
        ends.Should().Equal(EndReason.Stopped);
        trainer.Fit(3, progress =>
        {
            if (progress.Moment == TrainingMoment.EpochEnd) trainer.Stop();
        }).Epochs.Should().HaveCount(2);
        trainer.Fit(3).EndReason.Should().Be(EndReason.Epochs);
        Runs.Bits(trainer).Should().Be(Runs.Bits(uninterrupted));
    }

    [Fact]
    public void A_callback_may_change_the_learning_rate()
    {
        var trainer = Runs.Build<T>(new());
        trainer.Fit(3, progress =>
        {
            if (progress.Moment == TrainingMoment.EpochEnd) trainer.Optimizer.LearningRate /= 2;
        }).Epochs.Select(epoch => epoch.LearningRate).Should().Equal(0.02, 0.01, 0.005);
    }

    [Fact]
    public void A_callback_can_neither_start_another_Fit_nor_load_a_checkpoint()
    {
        var trainer = Runs.Build<T>(new());
        trainer.Invoking(t => t.Fit(1, _ => t.Fit(2))).Should().Throw<InvalidOperationException>().WithMessage("Fit cannot be called while Fit runs, as from a callback: stop the training first.");
        trainer.Invoking(t => t.Fit(1, _ => t.LoadCheckpoint(_path))).Should().Throw<InvalidOperationException>().WithMessage("LoadCheckpoint cannot be called while Fit runs, *");
        trainer.Fit(1).EndReason.Should().Be(EndReason.Epochs);
    }

    private static Watch States(Trainer<T> trainer) => new(trainer);

    private sealed class Watch(Trainer<T> trainer)
    {
        public List<string> Epochs { get; } = [];

        public List<int> Warned { get; } = [];

        public string? AtTheEnd { get; private set; }

        public void Add(TrainingProgress<T> progress)
        {
            if (progress.Moment == TrainingMoment.EpochEnd) Epochs.Add(Runs.Model(trainer.Model));
            if (progress.Moment == TrainingMoment.End) AtTheEnd = Runs.Model(trainer.Model);
            if (progress.Warning is not null) Warned.Add(progress.Epoch);
        }
    }
}

public sealed class EarlyStoppingDoubleTests : EarlyStoppingTests<double>;

public sealed class EarlyStoppingSingleTests : EarlyStoppingTests<float>;

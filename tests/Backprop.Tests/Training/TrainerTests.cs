using System.Globalization;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

public abstract class TrainerTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    [Theory]
    [InlineData(null, false)]
    [InlineData(0.05, false)]
    [InlineData(null, true)]
    public void Fit_is_the_loop_one_would_write(double? clip, bool dropLast)
    {
        var settings = new Runs.Settings(Clip: clip, DropLast: dropLast, Scheduler: "step");
        var trainer = Runs.Build<T>(settings);
        var history = trainer.Fit(4);

        var own = Runs.Build<T>(settings);
        var (model, loss, optimizer, batches, pass) = (own.Model, own.Loss, own.Optimizer, (Batches<T>)own.Training, own.Model.NewPass());
        for (var epoch = 0; epoch < 4; epoch++)
        {
            batches.Shuffle();
            double sum = 0;
            var count = 0;
            for (var i = 0; i < batches.Count; i++)
            {
                var (x, y) = batches.Gather(i);
                var yHat = model.Forward(x, pass);
                sum += double.CreateChecked(loss.Forward(yHat, y)) * x.RowCount;
                count += x.RowCount;
                optimizer.ZeroGradients();
                model.Backward(pass, loss.Backward(yHat, y));
                if (clip is not null) GradientClipping.ByNorm(optimizer.Parameters, clip.Value);
                optimizer.Step();
            }

            history.Epochs[epoch].TrainingLoss.Should().Be(sum / count);
            history.Epochs[epoch].LearningRate.Should().Be(optimizer.LearningRate);
            history.Epochs[epoch].ValidationLoss.Should().Be(double.CreateChecked(loss.Forward(model.Forward(own.Validation!.X), own.Validation.Y)));
            history.Epochs[epoch].Metrics["accuracy"].Should().Be(new Accuracy<T>().Of(model.Forward(own.Validation.X), own.Validation.Y));
            own.Scheduler!.Step();
        }

        Runs.Model(trainer.Model).Should().Be(Runs.Model(model));
        history.Epochs[^1].LearningRate.Should().BeLessThan(history.Epochs[0].LearningRate);
    }

    [Fact]
    public void It_learns()
    {
        var history = Runs.Build<T>(new(Dropout: 0, Samples: 200)).Fit(40);
        history.Epochs[^1].TrainingLoss.Should().BeLessThan(history.Epochs[0].TrainingLoss / 2);
        history.Epochs[^1].Metrics["accuracy"].Should().BeGreaterThan(0.7);
    }

    [Fact]
    public void Cancelled_after_any_step_the_model_is_whole_and_the_run_can_go_on()
    {
        var settings = new Runs.Settings(OneCycle: true);
        var uninterrupted = Runs.Build<T>(settings);
        var after = new List<string> { Runs.Model(uninterrupted.Model) };
        uninterrupted.Fit(3, told =>
        {
            if (told.Moment == TrainingMoment.BatchEnd) after.Add(Runs.Model(uninterrupted.Model));
        });
        var batches = uninterrupted.Training.Count!.Value;
        var steps = 3 * batches;
        after.Should().HaveCount(steps + 1);
        for (var stop = 0; stop < steps; stop++)
        {
            var trainer = Runs.Build<T>(settings);
            using var cancellation = new CancellationTokenSource();
            if (stop == 0) cancellation.Cancel();
            var step = 0;
            trainer.Invoking(t => t.Fit(3, told =>
            {
                if (told.Moment == TrainingMoment.BatchEnd && ++step == stop) cancellation.Cancel();
            }, cancellation.Token)).Should().Throw<OperationCanceledException>();
            Runs.Model(trainer.Model).Should().Be(after[stop]);
            (trainer.Epoch, trainer.Batch).Should().Be((stop / batches, stop % batches));
            trainer.Fit(3);
            Runs.Bits(trainer).Should().Be(Runs.Bits(uninterrupted), "stopped after {0} steps", stop);
        }
    }

    [Fact]
    public void What_a_callback_throws_does_not_lose_a_step()
    {
        var expected = Runs.Build<T>(new());
        expected.Fit(2);
        for (var stop = 1; stop <= 2 * (expected.Training.Count + 1) + 1; stop++)
        {
            var (trainer, told) = (Runs.Build<T>(new()), 0);
            trainer.Invoking(t => t.Fit(2, _ =>
            {
                if (++told == stop) throw new InvalidOperationException("stop");
            })).Should().Throw<InvalidOperationException>();
            trainer.Fit(2);
            Runs.Bits(trainer).Should().Be(Runs.Bits(expected));
        }
    }

    [Fact]
    public void Callbacks_run_on_the_thread_of_Fit_after_each_batch_and_epoch_and_at_the_end()
    {
        var trainer = Runs.Build<T>(new(Samples: 12, BatchSize: 5));
        var (told, thread) = (new List<TrainingProgress<T>>(), Environment.CurrentManagedThreadId);
        var history = trainer.Fit(2, progress =>
        {
            Environment.CurrentManagedThreadId.Should().Be(thread);
            progress.Pass.Should().BeSameAs(trainer.Pass);
            progress.Pass.OutputGradient.Should().NotBeNull("the pass is there to be looked at");
            told.Add(progress);
        });
        told.Select(p => (p.Moment, p.Epoch, p.Batch, p.Result?.Epoch)).Should().Equal(
            (TrainingMoment.BatchEnd, 1, 1, null), (TrainingMoment.BatchEnd, 1, 2, null), (TrainingMoment.BatchEnd, 1, 3, null), (TrainingMoment.EpochEnd, 1, 3, 1),
            (TrainingMoment.BatchEnd, 2, 1, null), (TrainingMoment.BatchEnd, 2, 2, null), (TrainingMoment.BatchEnd, 2, 3, null), (TrainingMoment.EpochEnd, 2, 3, 2),
            (TrainingMoment.End, 2, 0, 2));
        told.Should().OnlyContain(p => p.Epochs == 2 && p.Batches == 3 && p.Loss > 0 && p.Warning == null);
        told[3].Result.Should().BeSameAs(history.Epochs[0]);
        told[2].Loss.Should().Be(history.Epochs[0].TrainingLoss);
        told[^1].EndReason.Should().Be(EndReason.Epochs);
        told[0].EndReason.Should().BeNull();
        told[1].ToString().Should().MatchRegex(@"^epoch 1/2, batch 2/3, loss 1\.\d+$");
    }

    [Fact]
    public void Early_stopping_gives_back_the_best_epochs_parameters_and_buffers()
    {
        // A rate so large that the validation loss soon grows.
        var settings = new Runs.Settings(LearningRate: 0.5, EarlyStopping: new(Patience: 3));
        var trainer = Runs.Build<T>(settings);
        var states = new List<string>();
        var history = trainer.Fit(100, told =>
        {
            if (told.Moment == TrainingMoment.EpochEnd) states.Add(Runs.Model(trainer.Model));
        });
        var best = history.Epochs.MinBy(epoch => epoch.ValidationLoss)!;
        history.Epochs.Should().HaveCountLessThan(100).And.HaveCount(best.Epoch + 3);
        Runs.Model(trainer.Model).Should().Be(states[best.Epoch - 1]);
        trainer.Evaluate(trainer.Validation!).Loss.Should().Be(best.ValidationLoss);
        trainer.Fit(100).Epochs.Should().HaveCount(best.Epoch + 3, "it has stopped");
        (history.Best, history.EndReason).Should().Be((best, EndReason.EarlyStopping));

        var kept = Runs.Build<T>(settings with { EarlyStopping = new(3, RestoreBest: false) });
        kept.Fit(100);
        kept.Evaluate(kept.Validation!).Loss.Should().Be(kept.History.Epochs[^1].ValidationLoss).And.NotBe(best.ValidationLoss);
    }

    [Fact]
    public void Better_means_by_more_than_the_delta() =>
        Runs.Build<T>(new(EarlyStopping: new(Patience: 2, MinDelta: 100))).Fit(50).Epochs.Should().HaveCount(3);

    [Fact]
    public void Without_validation_the_training_loss_is_watched()
    {
        var trainer = Runs.Build<T>(new(Validation: false, Scheduler: "plateau", EarlyStopping: new(1, MinDelta: 100)));
        var history = trainer.Fit(9);
        history.Epochs.Should().HaveCount(2).And.OnlyContain(epoch => epoch.ValidationLoss == null && epoch.Metrics.Count == 0);
    }

    [Fact]
    public void Fit_allocates_nothing_for_a_batch()
    {
        long Allocated(int samples)
        {
            var trainer = Runs.Build<T>(new(Samples: samples, BatchSize: 10, Validation: false));
            trainer.Fit(3);
            var before = GC.GetAllocatedBytesForCurrentThread();
            trainer.Fit(5);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Allocated(400).Should().Be(Allocated(20), "there is something for each epoch, but nothing for its batches");
    }

    [Theory]
    [InlineData("hidden.weight", "in epoch 2, batch 1: it began in \"hidden\", Linear(6 -> 4), whose weight is not finite.")]
    [InlineData("norm.bias", "in epoch 2, batch 1: it began in \"norm\", BatchNorm1d(4), whose bias is not finite.")]
    [InlineData("output.weight", "in epoch 2, batch 1: it began in \"output\", Linear(4 -> 3), whose weight is not finite.")]
    public void A_loss_that_is_not_finite_stops_the_training_and_names_the_layer(string name, string where)
    {
        var trainer = Runs.Build<T>(new());
        trainer.Fit(1);
        trainer.Model.NamedParameters().Single(named => named.Name == name).Parameter.Values[0] = T.NaN;
        var before = trainer.Optimizer.GetState().Numbers["0.step"];
        trainer.Invoking(t => t.Fit(3)).Should().Throw<NotFiniteNumberException>().WithMessage($"The loss is NaN {where} A smaller learning rate or clipped gradients may help.");
        trainer.Optimizer.GetState().Numbers["0.step"].Should().Be(before, "the step was not taken");
    }

    [Fact]
    public void Inputs_and_targets_that_are_not_finite_are_named()
    {
        var (x, y) = (Any.Matrix<T>(6, 2, 1), Any.Matrix<T>(6, 1, 2));
        Trainer<T> Of(Matrix<T> x, Matrix<T> y)
        {
            var model = new Sequential<T> { new Linear<T>(2, 1, generator: new Generator(1)) };
            return new(model, new MSELoss<T>(), new SGD<T>(model.Parameters, 0.1), new Batches<T>(x, y, 2));
        }

        var (badX, badY) = (x.Clone(), y.Clone());
        (badX[3, 0], badY[4, 0]) = (T.PositiveInfinity, T.NaN);
        Of(badX, y).Invoking(t => t.Fit(1)).Should().Throw<NotFiniteNumberException>().WithMessage("The loss is * in epoch 1, batch 2: the inputs have such values.");
        Of(x, badY).Invoking(t => t.Fit(1)).Should().Throw<NotFiniteNumberException>().WithMessage("The loss is NaN in epoch 1, batch 3: the targets have such values.");
        badX[3, 0] = T.CreateSaturating(1e30) * T.CreateSaturating(typeof(T) == typeof(double) ? 1e270 : 1);
        Of(badX, y).Invoking(t => t.Fit(1)).Should().Throw<NotFiniteNumberException>().WithMessage("The loss is * in epoch 1, batch 2: the layers' outputs are finite, but the loss itself is not. *");
    }

    [Fact]
    public void A_last_step_that_runs_away_is_found_too()
    {
        var (x, y) = (Any.Matrix<T>(4, 2, 1), Any.Matrix<T>(4, 1, 2));
        var model = new Sequential<T> { { "line", new Linear<T>(2, 1, generator: new Generator(1)) } };
        var trainer = new Trainer<T>(model, new MSELoss<T>(), new SGD<T>(model.Parameters, double.MaxValue), new Batches<T>(x * T.CreateChecked(1e10), y, 4));
        trainer.Invoking(t => t.Fit(1)).Should().Throw<NotFiniteNumberException>().WithMessage("The last step of epoch 1, batch 1, has made line.weight NaN or infinite. *");
        trainer.Epoch.Should().Be(0);
    }

    [Fact]
    public void The_history_is_written_as_csv()
    {
        var writer = new StringWriter();
        new History([
            new(1, 0.1, 1.0 / 3, 0.5, new Dictionary<string, double> { ["accuracy"] = 0.25, ["a, \"b\""] = 1 }),
            new(2, 1e-9, double.NaN, null, new Dictionary<string, double>()),
        ]).WriteCsv(writer);
        writer.ToString().Should().Be("epoch,learning_rate,training_loss,validation_loss,accuracy,\"a, \"\"b\"\"\"\n1,0.1,0.3333333333333333,0.5,0.25,1\n2,1E-09,NaN,,,\n");
    }

    [Fact]
    public void The_csv_is_the_same_in_every_country()
    {
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("de-DE");
            The_history_is_written_as_csv();
            new EarlyStopping(2, 0.5).ToString().Should().Be("EarlyStopping(2, 0.5)");
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void What_cannot_be_trained_is_refused_before_the_first_step()
    {
        var samples = Runs.Samples<T>(4, 1);
        var bad = samples.Y.Clone();
        bad[2, 0] = T.CreateChecked(3);
        var model = new Sequential<T> { new Linear<T>(Runs.Features, Runs.Classes) };
        Trainer<T> Of(Samples<T> training, Samples<T>? validation = null) =>
            new(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1), new Batches<T>(training, 2)) { Validation = validation };

        var before = Runs.Model(model);
        Refused(() => Of(samples, new(samples.X, bad)).Fit(1), "CrossEntropyLoss* expects classes 0 to 2, * has 3 for sample 2. *");
        Refused(() => Of(new(samples.X.SubMatrix(0, 4, 0, 5), samples.Y)).Fit(1), "0: Linear(6 -> 3) expects 6 input columns, but x is 2x5. (Parameter 'x')");
        Refused(() => Of(samples).Fit(0), "Fit expects untilEpoch to be at least 1. (Parameter 'untilEpoch')*");
        Refused(() => Of(samples, new(Matrix<T>.Build.Dense(0, Runs.Features), Matrix<T>.Build.Dense(0, 1))), "Samples expects at least one sample, but x is 0x6. (Parameter 'x')");
        Refused(() => new EarlyStopping(0), "EarlyStopping expects Patience to be at least 1. (Parameter 'Patience')*");
        Refused(() => new EarlyStopping(1, -1), "EarlyStopping expects MinDelta to be finite and at least 0, but it is -1. (Parameter 'MinDelta')");
        Refused(() => Runs.Build<T>(new(Clip: double.NaN)), "Trainer expects MaxGradientNorm to be at least 0, but it is NaN. (Parameter 'MaxGradientNorm')");
        Refused(() => new Trainer<T>(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1), new Batches<T>(samples, 2)) { Metrics = [new R2<T>(), new R2<T>()] }, "Trainer expects metrics of different names, but they are r2, r2.*");
        Runs.Model(model).Should().Be(before);
        Refused(() => Of(new(samples.X, bad)).Fit(1), "CrossEntropyLoss* expects classes 0 to 2, * has 3 for sample 0. *");
    }

    private static void Refused(Func<object> act, string message) => act.Should().Throw<ArgumentException>().WithMessage(message);
}

public sealed class TrainerDoubleTests : TrainerTests<double>;

public sealed class TrainerSingleTests : TrainerTests<float>;

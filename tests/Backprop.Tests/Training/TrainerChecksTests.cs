using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>What is wrong with a training is said before its first step, by name, and changes nothing.</summary>
public abstract class TrainerChecksTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private static readonly Samples<T> Data = Runs.Samples<T>(23, 1);

    private static Sequential<T> NewModel() => new() { { "hidden", new Linear<T>(Runs.Features, 4, generator: new Generator(1)) }, { "output", new Linear<T>(4, Runs.Classes, generator: new Generator(2)) } };

    private static Trainer<T> NewTrainer(Layer<T> model, Optimizer<T> optimizer, Batches<T>? batches = null) => new(model, new CrossEntropyLoss<T>(), optimizer, batches ?? new(Data, 5));

    [Fact]
    public void An_optimizer_that_lacks_parameters_is_refused_by_their_names_unless_that_is_meant()
    {
        var model = NewModel();
        var optimizer = new SGD<T>(model["hidden"].Parameters, 0.1);
        Refused(NewTrainer(model, optimizer), "Trainer expects an optimizer of all the model's parameters, but SGD lacks output.weight, output.bias. *AddGroup*AllowPartial.");

        var part = new Trainer<T>(model, new CrossEntropyLoss<T>(), optimizer, new(Data, 5)) { AllowPartial = true };
        var (hidden, output) = (Runs.Model(model["hidden"]), Runs.Model(model["output"]));
        part.Fit(2);
        Runs.Model(model["hidden"]).Should().NotBe(hidden);
        Runs.Model(model["output"]).Should().Be(output);

        foreach (var parameter in model["output"].Parameters) parameter.Frozen = true;
        NewTrainer(model, optimizer).Fit(1);        // what is frozen is left out on purpose
        Runs.Model(model["output"]).Should().Be(output);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_layer_that_was_added_after_the_optimizer_is_found_and_learns_when_it_has_joined(bool afterTheTrainer)
    {
        var model = NewModel();
        var optimizer = new SGD<T>(model.Parameters, 0.1);
        var last = new Linear<T>(Runs.Classes, Runs.Classes, generator: new Generator(3));
        if (!afterTheTrainer) model.Add("last", last);
        var trainer = NewTrainer(model, optimizer);
        if (afterTheTrainer)
        {
            trainer.Fit(1);
            model.Add("last", last);
        }

        Refused(trainer, "*SGD lacks last.weight, last.bias. *", epoch: 2);
        optimizer.AddGroup(new SGDGroup<T>(last.Parameters) { LearningRate = 0.1 });
        var before = Runs.Model(last);
        trainer.Fit(2);
        Runs.Model(last).Should().NotBe(before);
        trainer.Evaluate(Data).Loss.Should().Be(double.CreateChecked(new CrossEntropyLoss<T>().Forward(model.Forward(Data.X), Data.Y)), "what is validated is what was trained");
    }

    [Fact]
    public void An_optimizer_of_another_model_is_refused()
    {
        var (model, other) = (NewModel(), NewModel());
        Refused(NewTrainer(model, new SGD<T>(other.Parameters, 0.1)), "*SGD lacks hidden.weight, hidden.bias, output.weight, output.bias. *");
        Refused(NewTrainer(model, new SGD<T>([.. model.Parameters, .. other["output"].Parameters], 0.1)), "Trainer expects an optimizer of the model's parameters alone, but SGD has others: weight (3, 4), bias (3).");
    }

    [Fact]
    public void A_scheduler_of_another_optimizer_or_one_that_needs_a_metric_after_each_batch_is_refused_at_once()
    {
        var model = NewModel();
        Optimizer<T> optimizer = new SGD<T>(model.Parameters, 0.1), other = new Adam<T>(model.Parameters, 0.1);
        Trainer<T> Of(LRScheduler? scheduler = null, LRScheduler? batchScheduler = null) => new(model, new CrossEntropyLoss<T>(), optimizer, new(Data, 5)) { Scheduler = scheduler, BatchScheduler = batchScheduler };

        Refused<ArgumentException>(() => Of(new StepLR(other, 1)), "Trainer expects a scheduler of its own optimizer, but this StepLR moves the learning rates of another Adam. (Parameter 'Scheduler')");
        Refused<ArgumentException>(() => Of(null, new StepLR(other, 1)), "Trainer expects a scheduler of its own optimizer, *(Parameter 'BatchScheduler')");
        Refused<ArgumentException>(() => Of(null, new ReduceLROnPlateau(optimizer)), "Trainer expects a scheduler that steps after each batch without a metric, but ReduceLROnPlateau needs one: make it the Scheduler. (Parameter 'BatchScheduler')");
        Of(new ReduceLROnPlateau(optimizer), new StepLR(optimizer, 1)).Fit(1);
    }

    [Fact]
    public void A_scheduler_that_is_too_short_is_refused_before_the_first_step_and_again()
    {
        var model = NewModel();
        var optimizer = new SGD<T>(model.Parameters, 0.1, momentum: 0.9);
        var trainer = new Trainer<T>(model, new CrossEntropyLoss<T>(), optimizer, new(Data, 5)) { BatchScheduler = new OneCycleLR(optimizer, 0.1, totalSteps: 11) };
        for (var attempt = 0; attempt < 3; attempt++)
            Refused(trainer, "OneCycleLR steps once a batch and has 11 steps left, but training until epoch 3 takes 15.", epoch: 3);
        trainer.Fit(2);
        Refused(trainer, "OneCycleLR steps once a batch and has 1 steps left, but training until epoch 3 takes 5.", epoch: 3);
        var epochs = new Trainer<T>(model, new CrossEntropyLoss<T>(), optimizer, new(Data, 5)) { Scheduler = new OneCycleLR(optimizer, 0.1, totalSteps: 2) };
        Refused(epochs, "OneCycleLR steps once an epoch and has 2 steps left, but training until epoch 3 takes 3.", epoch: 3);
    }

    [Fact]
    public void A_scheduler_that_throws_does_not_let_each_further_Fit_take_one_more_step()
    {
        var model = NewModel();
        var optimizer = new SGD<T>(model.Parameters, 0.1);
        var broken = new Trainer<T>(model, new CrossEntropyLoss<T>(), optimizer, new(Data, 5)) { BatchScheduler = new Broken(optimizer) };
        broken.Invoking(t => t.Fit(1)).Should().Throw<NotImplementedException>();
        var after = Runs.Model(model);
        for (var attempt = 0; attempt < 3; attempt++)
            broken.Invoking(t => t.Fit(1)).Should().Throw<NotImplementedException>();
        Runs.Model(model).Should().Be(after);
        broken.Batch.Should().Be(1);

        var atEpochs = new Trainer<T>(model, new CrossEntropyLoss<T>(), optimizer, new(Data, 5)) { Scheduler = new Broken(optimizer) };
        atEpochs.Invoking(t => t.Fit(1)).Should().Throw<NotImplementedException>();
        after = Runs.Model(model);
        atEpochs.Invoking(t => t.Fit(1)).Should().Throw<NotImplementedException>();
        Runs.Model(model).Should().Be(after);
        atEpochs.Epoch.Should().Be(0, "an epoch whose rate is not set is not over");
    }

    [Fact]
    public void A_last_batch_that_is_too_small_for_a_layer_is_refused_before_the_epoch_with_a_hint()
    {
        Sequential<T> Of(Layer<T> inner) => new() { { "first", new Linear<T>(Runs.Features, 3, generator: new Generator(1)) }, { "body", new Residual<T>(new Sequential<T> { { "norm", inner } }) } };
        foreach (var (inner, name) in (ReadOnlySpan<(Layer<T>, string)>)[(new BatchNorm1d<T>(3), "BatchNorm1d(3)"), (new Mirror<T>(minRows: 2), "Mirror()")])
        {
            var model = Of(inner);
            var optimizer = new SGD<T>(model.Parameters, 0.1);
            var trainer = NewTrainer(model, optimizer, new(Data, 11));
            var before = Runs.Model(model);
            trainer.Invoking(t => t.Fit(1)).Should().Throw<ArgumentException>().WithMessage(
                $"body.*norm: {name} expects at least 2 samples in a batch, but the last of 23 samples in batches of 11 has 1. Batches with dropLast: true, or of another size, are without it.");
            Runs.Model(model).Should().Be(before);
            NewTrainer(model, optimizer, new(Data, 11, dropLast: true)).Fit(1);
            NewTrainer(model, optimizer, new(Data, 7)).Fit(1);
        }
    }

    [Fact]
    public void A_sequence_is_of_one_sample()
    {
        var model = new Sequential<double> { { "positions", new PositionalEmbedding<double>(8, 2) }, { "out", new Linear<double>(2, 1) } };
        var (x, y) = (Any.Matrix<double>(32, 2, 1), Any.Matrix<double>(32, 1, 2));
        // Two samples of 4 rows would be one sequence of 8; five of one row a shorter one.
        Refused(model, 4, 2, "positions: PositionalEmbedding(8 steps, 2) expects the 8 rows of a sequence to be of one sample, but 2 samples have 8 rows: make them with inputRows: 8.*");
        Refused(model, 1, 5, "positions: *, but 5 samples have 5 rows: *");
        Refused(new() { { "lstm", new LSTM<double>(2, 1, 8) } }, 4, 2, "lstm: LSTM(2 -> 1, 8 steps) expects the 8 rows of a sequence to be of one sample, but 2 samples have 8 rows*");
        Refused(new() { { "self", new MultiheadAttention<double>(2, 1, 8) }, { "out", new Linear<double>(2, 1) } }, 2, 4, "self.attention: ScaledDotProductAttention(*");

        // Whole sequences, several in a sample, or one alone that is shorter.
        foreach (var (rows, batch) in new[] { (8, 3), (16, 2), (4, 1) }) Of(model, rows, batch).Fit(1);

        static Trainer<double> Of(Sequential<double> model, int rows, int batch)
        {
            var samples = new Samples<double>(Any.Matrix<double>(48, 2, 1), Any.Matrix<double>(48, 1, 2), inputRows: rows, targetRows: rows);
            return new(model, new MSELoss<double>(), new SGD<double>(model.Parameters, 0.01), new Batches<double>(samples, batch));
        }

        static void Refused(Sequential<double> model, int rows, int batch, string message) => FluentActions.Invoking(() => Of(model, rows, batch).Fit(1)).Should().Throw<ArgumentException>().WithMessage(message);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_step_that_was_not_taken_has_drawn_nothing(int shards)
    {
        var (x, y) = (Any.Matrix<double>(12, 3, 1), Any.Matrix<double>(12, 1, 2));
        double[] Weights(int failures)
        {
            var generator = new Generator(5);
            var throws = new OwnLayer<double>((_, input, pass) => failures-- > 0 ? throw new InvalidOperationException("not now") : input, (_, _, dY) => dY);
            var model = new Sequential<double> { new Linear<double>(3, 4, generator: new(1)), new Dropout<double>(0.5, generator), throws, new Linear<double>(4, 1, generator: new(2)) };
            var trainer = new Trainer<double>(model, new MSELoss<double>(), new SGD<double>(model.Parameters, 0.1), new Batches<double>(x, y, 4)) { Shards = shards };
            while (failures > 0) FluentActions.Invoking(() => trainer.Fit(1)).Should().Throw<InvalidOperationException>();
            trainer.Fit(1);
            return [.. model.Parameters.SelectMany(parameter => parameter.Values.ToArray())];
        }

        Weights(failures: 3).Should().Equal(Weights(failures: 0));
    }

    [Fact]
    public void An_exception_in_an_epochs_first_batch_does_not_draw_another_order()
    {
        Trainer<T> Of(Matrix<T> y)
        {
            var model = NewModel();
            return NewTrainer(model, new SGD<T>(model.Parameters, 0.1), new(new(Data.X, y), 5, new Generator(3)));
        }

        var expected = Of(Data.Y);
        expected.Fit(2);
        var targets = Data.Y.Clone();
        var trainer = Of(targets);
        trainer.Fit(1);
        targets.MapInplace(_ => T.CreateChecked(7), Zeros.Include);
        trainer.Invoking(t => t.Fit(2)).Should().Throw<ArgumentException>();
        trainer.Invoking(t => t.Fit(2)).Should().Throw<ArgumentException>();
        Data.Y.CopyTo(targets);
        trainer.Fit(2);
        Runs.Model(trainer.Model).Should().Be(Runs.Model(expected.Model));
    }

    [Fact]
    public void A_history_stays_as_it_is_when_the_training_goes_on()
    {
        var trainer = Runs.Build<T>(new());
        var first = trainer.Fit(1);
        trainer.Fit(3);
        first.Epochs.Should().ContainSingle();
        (first.Best, trainer.History.Epochs.Count).Should().Be((first.Epochs[0], 3));
        first.Epochs[0].ToString().Should().MatchRegex(@"^epoch 1: training loss 1\.\d+, validation loss [01]\.\d+, accuracy 0\.\d+, top_2_accuracy [01](\.\d+)?, learning rate 0\.02$");
    }

    private static void Refused(Trainer<T> trainer, string message, int epoch = 1)
    {
        var before = Runs.Model(trainer.Model);
        trainer.Invoking(t => t.Fit(epoch)).Should().Throw<InvalidOperationException>().WithMessage(message);
        Runs.Model(trainer.Model).Should().Be(before);
    }

    private static void Refused<TException>(Func<object> act, string message) where TException : Exception => act.Should().Throw<TException>().WithMessage(message);

    private sealed class Broken(Optimizer optimizer) : LRScheduler(optimizer)
    {
        protected override double Next(int epoch, double rate, double initial) => throw new NotImplementedException();
    }
}

public sealed class TrainerChecksDoubleTests : TrainerChecksTests<double>;

public sealed class TrainerChecksSingleTests : TrainerChecksTests<float>;

using System.Globalization;
using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

public abstract class LearningRateTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(1, 2)]
    public void The_training_after_it_is_bit_for_bit_the_training_without(int accumulate, int shards)
    {
        Trainer<T> New()
        {
            var run = Runs.Build<T>(new(Samples: 24, BatchSize: 8, Scheduler: "step", Accumulate: accumulate));
            return new(run.Model, run.Loss, run.Optimizer, run.Training) { Validation = run.Validation, Scheduler = run.Scheduler, GradientAccumulationSteps = accumulate, Shards = shards };
        }

        var (with, without) = (New(), New());
        with.FindLearningRate(steps: 20);
        Runs.Bits(with).Should().Be(Runs.Bits(without));
        with.Fit(2);
        with.FindLearningRate(steps: 20);
        without.Fit(2);
        Runs.Bits(with).Should().Be(Runs.Bits(without));
        with.Fit(4);
        without.Fit(4);
        Runs.Bits(with).Should().Be(Runs.Bits(without));
    }

    [Fact]
    public void Rates_grow_by_one_factor_and_the_suggestion_is_where_the_loss_falls_fastest()
    {
        var sweep = Runs.Build<T>(new(Dropout: 0)).FindLearningRate(1e-5, 1, 51);
        for (var i = 0; i < sweep.LearningRates.Count; i++) sweep.LearningRates[i].Should().BeApproximately(Math.Pow(10, -5 + i / 10.0), 1e-12);
        sweep.Losses.Should().HaveSameCount(sweep.LearningRates);
        // The rule, said again: a mean of five, or of those that are there; and the greatest fall from the one before to the one after.
        var (losses, last) = (sweep.Losses, sweep.Losses.Count - 1);
        for (var i = 0; i <= last; i++)
            sweep.SmoothedLosses[i].Should().BeApproximately(Enumerable.Range(i - 2, 5).Where(j => j >= 0 && j <= last).Average(j => losses[j]), 1e-12);
        var falls = Enumerable.Range(2, last - 3).ToDictionary(i => i, i => sweep.SmoothedLosses[i - 1] - sweep.SmoothedLosses[i + 1]);
        sweep.Suggestion.Should().Be(sweep.LearningRates[falls.MaxBy(fall => fall.Value).Key]);
        $"{sweep}".Should().StartWith("learning rates from 1E-05 to ").And.Contain("; the loss falls fastest at ");
        using var csv = new StringWriter(CultureInfo.InvariantCulture);
        sweep.WriteCsv(csv);
        csv.ToString().Split('\n').Should().HaveCount(sweep.Losses.Count + 2).And.HaveElementAt(0, "learning_rate,loss,smoothed_loss");
    }

    [Fact]
    public void The_loss_before_each_step_is_that_of_a_loop_with_these_rates()
    {
        var (run, twin) = (Runs.Build<T>(new(Samples: 20, Optimizer: "momentum")), Runs.Build<T>(new(Samples: 20, Optimizer: "momentum")));
        var sweep = run.FindLearningRate(1e-3, 0.1, 10);
        var batches = (Batches<T>)twin.Training;
        for (var i = 0; i < sweep.Losses.Count; i++)
        {
            if (i % 4 == 0) batches.Shuffle();
            twin.Optimizer.LearningRate = sweep.LearningRates[i];
            var (x, y) = batches.Gather(i % 4);
            sweep.Losses[i].Should().BeApproximately(double.CreateChecked(twin.Step(x, y)), 1e-12);
        }
    }

    [Fact]
    public void It_ends_where_the_loss_grows_away_or_is_no_number()
    {
        var x = Any.Matrix<T>(32, 2, 1);
        var model = new Sequential<T> { new Linear<T>(2, 1) };
        var trainer = new Trainer<T>(model, new MSELoss<T>(), new SGD<T>(model.Parameters, 0.1), new Batches<T>(x, Any.Matrix<T>(32, 1, 2), 8));
        var before = Runs.Model(model);
        var sweep = trainer.FindLearningRate(1e-3, 1e30, 200);
        sweep.LearningRates[^1].Should().BeLessThan(1e25);
        Runs.Model(model).Should().Be(before);
        trainer.Optimizer.LearningRate.Should().Be(0.1);
    }

    [Fact]
    public void Groups_keep_their_ratio()
    {
        var (a, b) = (new Linear<T>(2, 2), new Linear<T>(2, 2));
        var optimizer = new Optimizer<T>(new SGDGroup<T>(a.Parameters) { LearningRate = 0.1 }, new SGDGroup<T>(b.Parameters) { LearningRate = 0.01 });
        var rates = new List<(double, double)>();
        var watch = new Hook<T>(() => rates.Add((optimizer.Groups[0].LearningRate, optimizer.Groups[1].LearningRate)));
        var trainer = new Trainer<T>(new Sequential<T> { a, watch, b }, new MSELoss<T>(), optimizer, new Batches<T>(Any.Matrix<T>(8, 2, 1), Any.Matrix<T>(8, 2, 2), 4));
        trainer.FindLearningRate(1e-3, 1e-1, 5);
        rates.Should().HaveCount(5).And.OnlyContain(pair => Math.Abs(pair.Item2 / pair.Item1 - 0.1) < 1e-12);
        optimizer.Groups.Select(group => group.LearningRate).Should().Equal(0.1, 0.01);
    }

    [Fact]
    public void It_is_refused_with_rates_that_do_not_grow_and_in_the_middle_of_an_epoch()
    {
        var trainer = Runs.Build<T>(new());
        ((Action)(() => trainer.FindLearningRate(from: 0))).Should().Throw<ArgumentOutOfRangeException>().WithMessage("FindLearningRate expects from to be finite and above 0, but it is 0.*");
        ((Action)(() => trainer.FindLearningRate(from: double.NaN))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => trainer.FindLearningRate(to: double.PositiveInfinity))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => trainer.FindLearningRate(0.1, 0.1))).Should().Throw<ArgumentOutOfRangeException>().WithMessage("FindLearningRate expects to to be finite and above the first, but it is 0.1.*");
        ((Action)(() => trainer.FindLearningRate(steps: 1))).Should().Throw<ArgumentOutOfRangeException>().WithMessage("FindLearningRate expects steps to be at least 2, but it is 1.*");
        trainer.Fit(1, progress =>
        {
            ((Action)(() => trainer.FindLearningRate())).Should().Throw<InvalidOperationException>().WithMessage("FindLearningRate cannot be called while Fit runs*");
            progress.Stop();
        });
        ((Action)(() => trainer.FindLearningRate())).Should().Throw<InvalidOperationException>().WithMessage("FindLearningRate looks for a rate between epochs, but the training is in the middle of epoch 1.");
    }

    [Fact]
    public void Best_weights_that_came_back_are_there_afterwards_too()
    {
        var (trainer, twin) = (Runs.Build<T>(new(EarlyStopping: new(2))), Runs.Build<T>(new(EarlyStopping: new(2))));
        trainer.Fit(30);
        twin.Fit(30);
        trainer.History.Best!.Epoch.Should().BeLessThan(trainer.Epoch);
        trainer.FindLearningRate(steps: 10);
        Runs.Bits(trainer).Should().Be(Runs.Bits(twin));
    }

    [Fact]
    public void Rates_may_be_as_far_apart_as_numbers_are()
    {
        var sweep = Runs.Build<T>(new(Optimizer: "sgd")).FindLearningRate(1e-300, 1e300, 12);
        sweep.LearningRates[1].Should().BeGreaterThan(1e-300).And.BeLessThan(1e-200);
    }

    [Fact]
    public void Cancelled_it_takes_all_back()
    {
        var (trainer, twin) = (Runs.Build<T>(new()), Runs.Build<T>(new()));
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        ((Action)(() => trainer.FindLearningRate(cancellation: cancellation.Token))).Should().Throw<OperationCanceledException>();
        trainer.Fit(2);
        twin.Fit(2);
        Runs.Bits(trainer).Should().Be(Runs.Bits(twin));
    }

    [Fact]
    public void Streams_are_read_as_epochs_read_them()
    {
        var samples = Runs.Samples<T>(22, 3);
        Trainer<T> New()
        {
            var model = new Sequential<T> { new Linear<T>(Runs.Features, Runs.Classes, generator: new Generator(1)) };
            return new(model, new CrossEntropyLoss<T>(), new Adam<T>(model.Parameters, 0.01), new StreamedBatches<T>(new Rows<T>(samples).Read, Runs.Features, 1, 5, new Generator(2)) { ShuffleBuffer = 7 });
        }

        var (trainer, twin) = (New(), New());
        trainer.FindLearningRate(steps: 12).Losses.Should().HaveCount(12);
        trainer.Fit(2);
        twin.Fit(2);
        Runs.Bits(trainer).Should().Be(Runs.Bits(twin));
    }
}

public sealed class LearningRateDoubleTests : LearningRateTests<double>;

public sealed class LearningRateSingleTests : LearningRateTests<float>;

/// <summary>The identity, which says when it runs.</summary>
internal sealed class Hook<T>(Action run) : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        run();
        var y = pass.NewOutput(x.RowCount, x.ColumnCount);
        x.CopyTo(y);
        return y;
    }

    protected override Matrix<T> BackwardCore(ForwardPass<T> pass, Matrix<T> dY) => dY;
}

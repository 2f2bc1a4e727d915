using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

public abstract class AccumulationTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private static double Tolerance => typeof(T) == typeof(double) ? 1e-12 : 1e-5;

    private static (Sequential<T> Model, Trainer<T> Trainer) Build(Loss<T> loss, Samples<T> samples, int batchSize, int accumulate, double? clip = null, Func<Optimizer<T>, LRScheduler>? scheduler = null)
    {
        var generator = new Generator(3);
        var model = new Sequential<T> { { "hidden", new Linear<T>(Runs.Features, 4, generator: generator) }, { "activation", new Tanh<T>() }, { "output", new Linear<T>(4, Runs.Classes, generator: generator) } };
        var optimizer = new SGD<T>(model.Parameters, 0.3, momentum: 0.9);
        return (model, new Trainer<T>(model, loss, optimizer, new(samples, batchSize)) { GradientAccumulationSteps = accumulate, MaxGradientNorm = clip, BatchScheduler = scheduler?.Invoke(optimizer) });
    }

    private static void Same(Layer<T> a, Layer<T> b)
    {
        foreach (var (one, other) in a.Parameters.Zip(b.Parameters))
            for (var i = 0; i < one.Count; i++) double.CreateChecked(one.Values[i]).Should().BeApproximately(double.CreateChecked(other.Values[i]), Tolerance);
    }

    // Batches of 4, 4 and 3 divide by different numbers; where samples are ignored or weigh differently, even batches of one size do.
    public static TheoryData<string, Func<Loss<T>>> Losses => new()
    {
        { "mean", () => new CrossEntropyLoss<T>() },
        { "sum", () => new CrossEntropyLoss<T>(reduction: Reduction.Sum) },
        { "weights", () => new CrossEntropyLoss<T>(weight: Vector<T>.Build.DenseOfArray([T.One, T.CreateChecked(5), T.CreateChecked(0.25)])) },
        { "ignored", () => new CrossEntropyLoss<T>(ignoreIndex: 1) },
    };

    [Theory]
    [MemberData(nameof(Losses))]
    public void Accumulated_batches_are_one_batch_of_all_their_rows(string name, Func<Loss<T>> loss)
    {
        // 22 rows: steps of 12 and of 10.
        var samples = Runs.Samples<T>(22, 5);
        var (whole, one) = Build(loss(), samples, 12, 1);
        var (parts, other) = Build(loss(), samples, 4, 3);
        one.Fit(4);
        other.Fit(4);
        Same(parts, whole);
        other.History.Epochs[^1].TrainingLoss.Should().BeApproximately(one.History.Epochs[^1].TrainingLoss, Tolerance * 10, name);
    }

    [Fact]
    public void The_norm_is_clipped_and_the_rate_is_moved_once_a_step()
    {
        var samples = Runs.Samples<T>(22, 5);
        var (whole, one) = Build(new CrossEntropyLoss<T>(), samples, 12, 1, clip: 0.01, o => new OneCycleLR(o, 0.5, totalSteps: 8));
        var (parts, other) = Build(new CrossEntropyLoss<T>(), samples, 4, 3, clip: 0.01, o => new OneCycleLR(o, 0.5, totalSteps: 8));
        one.Fit(4);
        other.Fit(4);
        Same(parts, whole);
        other.Optimizer.LearningRate.Should().Be(one.Optimizer.LearningRate);
        var more = () => other.Fit(5);
        more.Should().Throw<InvalidOperationException>().WithMessage("OneCycleLR steps once a step and has 0 steps left, but training until epoch 5 takes 2.");
    }

    [Fact]
    public void What_goes_wrong_in_the_middle_of_a_step_takes_the_training_back_to_the_last_whole_one()
    {
        var samples = Runs.Samples<T>(20, 5);
        var (model, trainer) = Build(new CrossEntropyLoss<T>(), samples, 4, 3);
        var (twin, undisturbed) = Build(new CrossEntropyLoss<T>(), samples, 4, 3);
        undisturbed.Fit(2);

        samples.X[9, 0] = T.NaN;      // batch 3, the last of the first step
        var before = Runs.Model(model);
        var fit = () => trainer.Fit(2);
        fit.Should().Throw<NotFiniteNumberException>().WithMessage("*epoch 1, batch 3*");
        (trainer.Batch, Runs.Model(model)).Should().Be((0, before));
        samples = Runs.Samples<T>(20, 5);
        ((Batches<T>)trainer.Training).Samples.X[9, 0] = samples.X[9, 0];
        trainer.Fit(2);
        Runs.Model(model).Should().Be(Runs.Model(twin));
        trainer.History.Epochs[^1].TrainingLoss.Should().Be(undisturbed.History.Epochs[^1].TrainingLoss);
    }

    [Fact]
    public void A_training_that_was_cancelled_in_the_middle_of_a_step_goes_on_with_the_same_bits()
    {
        var (model, trainer) = Build(new CrossEntropyLoss<T>(), Runs.Samples<T>(20, 5), 4, 3);
        var (twin, undisturbed) = Build(new CrossEntropyLoss<T>(), Runs.Samples<T>(20, 5), 4, 3);
        undisturbed.Fit(3);
        foreach (var stop in (int[])[1, 2, 4, 7])
        {
            using var cancellation = new CancellationTokenSource();
            var taken = 0;
            var fit = () => trainer.Fit(3, progress =>
            {
                if (progress.Moment == TrainingMoment.BatchEnd && ++taken == stop) cancellation.Cancel();
            }, cancellation.Token);
            fit.Should().Throw<OperationCanceledException>();
        }

        trainer.Fit(3);
        Runs.Model(model).Should().Be(Runs.Model(twin));
    }

    [Fact]
    public void Another_number_of_batches_a_step_is_another_training_unless_that_is_allowed()
    {
        var (_, trainer) = Build(new CrossEntropyLoss<T>(), Runs.Samples<T>(20, 5), 4, 3);
        trainer.Fit(1);
        using var file = new MemoryStream();
        trainer.SaveCheckpoint(file);
        var (_, other) = Build(new CrossEntropyLoss<T>(), Runs.Samples<T>(20, 5), 4, 2);
        file.Position = 0;
        var load = () => other.LoadCheckpoint(file);
        load.Should().Throw<InvalidDataException>().WithMessage("*batches a step: 3 there, 2 here; ResumeChanges.BatchSize allows it*");
        file.Position = 0;
        other.LoadCheckpoint(file, ResumeChanges.BatchSize).Should().Be(ResumeChanges.BatchSize);
    }

    [Fact]
    public void A_loss_of_parts_goes_on_in_the_middle_of_a_step()
    {
        var (x, y) = (Any.Matrix<T>(16, Runs.Features, 1), Any.Matrix<T>(16, 2, 2));
        Trainer<T> New()
        {
            var model = new Sequential<T> { new Linear<T>(Runs.Features, 2, generator: new(1)) };
            var loss = new CombinedLoss<T>(new("one", new MSELoss<T>(), 0..1, 0..1), new("two", new L1Loss<T>(), 1..2, 1..2, 0.5));
            return new(model, loss, new SGD<T>(model.Parameters, 0.1), new Batches<T>(x, y, 4)) { GradientAccumulationSteps = 2 };
        }

        var (whole, first, second) = (New(), New(), New());
        whole.Fit(2);
        using var file = new MemoryStream();
        first.Fit(2, progress =>
        {
            if (progress is not { Moment: TrainingMoment.BatchEnd, Batch: 1 }) return;
            first.SaveCheckpoint(file);
            progress.Stop();
        });
        file.Position = 0;
        second.LoadCheckpoint(file);
        second.Fit(2);
        Runs.Model(second.Model).Should().Be(Runs.Model(whole.Model));
    }

    [Fact]
    public void A_step_of_ones_own_in_a_callback_is_refused()
    {
        var (_, trainer) = Build(new CrossEntropyLoss<T>(), Runs.Samples<T>(20, 5), 4, 3);
        trainer.Fit(1, progress => ((Action)(() => trainer.Step(Any.Matrix<T>(4, Runs.Features, 1), Matrix<T>.Build.Dense(4, 1)))).Should().Throw<InvalidOperationException>().WithMessage("Step cannot be called while Fit runs*"));
        trainer.Batch.Should().Be(0);
    }

    [Fact]
    public void Less_than_one_batch_a_step_is_refused()
    {
        var build = () => Build(new CrossEntropyLoss<T>(), Runs.Samples<T>(20, 5), 4, 0);
        build.Should().Throw<ArgumentOutOfRangeException>().WithMessage("Trainer expects GradientAccumulationSteps to be at least 1.*");
    }
}

public sealed class AccumulationDoubleTests : AccumulationTests<double>;

public sealed class AccumulationSingleTests : AccumulationTests<float>;

using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>The losses that a training tells, and the gradients that it steps along.</summary>
public abstract class TrainerNumbersTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private static readonly double Tolerance = typeof(T) == typeof(double) ? 1e-12 : 1e-5;

    public static TheoryData<string, Loss<T>> Losses => new()
    {
        { "mean", new CrossEntropyLoss<T>() },
        { "sum", new CrossEntropyLoss<T>(reduction: Reduction.Sum) },
        { "weights", new CrossEntropyLoss<T>(Vector<T>.Build.Dense([T.One, T.CreateChecked(3), T.CreateChecked(0.5)])) },
        { "ignored", new CrossEntropyLoss<T>(ignoreIndex: 2) },
        { "weights, ignored, sum", new CrossEntropyLoss<T>(Vector<T>.Build.Dense([T.One, T.CreateChecked(3), T.CreateChecked(0.5)]), ignoreIndex: 2, reduction: Reduction.Sum) },
    };

    [Theory, MemberData(nameof(Losses))]
    public void The_same_samples_give_the_same_loss_in_training_in_validation_and_as_one_batch(string name, Loss<T> loss)
    {
        var (samples, model) = (Runs.Samples<T>(600, 1), NewModel());
        var trainer = new Trainer<T>(model, loss, new SGD<T>(model.Parameters, 0), new(samples, 7, new Generator(1))) { Validation = samples };
        double whole = double.CreateChecked(loss.Forward(model.Forward(samples.X), samples.Y)), told = 0;
        var result = trainer.Fit(1, progress => told = progress.Loss).Epochs[0];
        result.TrainingLoss.Should().BeApproximately(whole, Tolerance * whole, name);
        result.ValidationLoss.Should().BeApproximately(whole, Tolerance * whole, name);
        told.Should().Be(result.TrainingLoss);
    }

    [Theory]
    [InlineData(Reduction.Mean)]
    [InlineData(Reduction.Sum)]
    public void A_batch_whose_samples_are_all_ignored_adds_nothing_and_takes_no_step(Reduction reduction)
    {
        // Batches of 2, of which the second counts nowhere.
        var x = Any.Matrix<T>(6, Runs.Features, 1);
        var y = Matrix<T>.Build.Dense(6, 1, (i, _) => T.CreateChecked(i is 2 or 3 ? -100 : i % 3));
        var (model, loss) = (NewModel(), new CrossEntropyLoss<T>(reduction: reduction));
        var trainer = new Trainer<T>(model, loss, new SGD<T>(model.Parameters, 0.1, momentum: 0.9), new(x, y, 2));
        var states = new List<string> { Runs.Model(model) };
        var history = trainer.Fit(2, progress =>
        {
            if (progress.Moment == TrainingMoment.BatchEnd) states.Add(Runs.Model(model));
        });
        states.Distinct().Should().HaveCount(5);
        (states[2], states[5]).Should().Be((states[1], states[4]), "no step, not even of the momentum");
        history.Epochs.Should().OnlyContain(epoch => double.IsFinite(epoch.TrainingLoss));
        trainer.Step(x.SubMatrix(2, 2, 0, Runs.Features), y.SubMatrix(2, 2, 0, 1)).Should().Be(T.Zero);
        T.IsNaN(loss.Forward(model.Forward(x.SubMatrix(2, 2, 0, Runs.Features)), y.SubMatrix(2, 2, 0, 1))).Should().Be(reduction == Reduction.Mean, "the loss itself is PyTorch's");
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0.5)]
    public void A_gradient_that_is_not_finite_is_refused_before_the_step_and_its_layer_named(double? clip)
    {
        foreach (var bad in (T[])[T.NaN, T.PositiveInfinity])
        {
            var model = new Sequential<T>
            {
                { "hidden", new Linear<T>(Runs.Features, 4, generator: new Generator(1)) },
                { "body", new Residual<T>(new Sequential<T> { { "mirror", new Mirror<T>(dY => dY.Map(_ => bad, Zeros.Include)) } }) },
                { "output", new Linear<T>(4, Runs.Classes, generator: new Generator(1)) },
            };
            var trainer = new Trainer<T>(model, new CrossEntropyLoss<T>(), new Adam<T>(model.Parameters), new(Runs.Samples<T>(6, 1), 3)) { MaxGradientNorm = clip };
            var before = Runs.Model(model);
            trainer.Invoking(t => t.Fit(1)).Should().Throw<NotFiniteNumberException>().WithMessage(
                "The gradient of hidden.weight is NaN or infinite in epoch 1, batch 1, though the loss is finite: it began in the backward pass of \"body.*mirror\", Mirror(). *");
            Runs.Model(model).Should().Be(before);
            trainer.Optimizer.Groups[0].StepCount(model.Parameters[0]).Should().Be(0);
            trainer.Batch.Should().Be(0);
        }
    }

    [Fact]
    public void A_batch_that_is_refused_leaves_running_statistics_as_they_were()
    {
        var model = new Sequential<T> { { "norm", new BatchNorm1d<T>(Runs.Features) }, { "output", new Linear<T>(Runs.Features, Runs.Classes) } };
        var trainer = new Trainer<T>(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1), new Batches<T>(Runs.Samples<T>(16, 5), 8)) { GradientAccumulationSteps = 2 };
        trainer.Fit(1);
        var before = Runs.Model(model);
        var samples = ((Batches<T>)trainer.Training).Samples;
        samples.X[13, 0] = T.NaN;       // the second batch of the step
        ((Action)(() => trainer.Fit(2))).Should().Throw<NotFiniteNumberException>();
        Runs.Model(model).Should().Be(before);
        ((Action)(() => trainer.Step(samples.X, samples.Y))).Should().Throw<NotFiniteNumberException>();
        Runs.Model(model).Should().Be(before);
    }

    [Fact]
    public void What_does_not_go_together_is_said_in_its_own_words()
    {
        var run = Runs.Build<T>(new());
        var scheduler = new StepLR(run.Optimizer, 2);
        var twice = new Trainer<T>(run.Model, run.Loss, run.Optimizer, run.Training) { Scheduler = scheduler, BatchScheduler = scheduler };
        ((Action)(() => twice.Fit(1))).Should().Throw<InvalidOperationException>().WithMessage("Trainer expects a scheduler for epochs and another for batches, but this StepLR is both.");

        var model = new Linear<T>(2, 2);
        var loss = new CombinedLoss<T>(new LossPart<T>("one", new MSELoss<T>(), 0..2, 0..2));
        var weighted = new Trainer<T>(model, loss, new SGD<T>(model.Parameters, 0.1), new Batches<T>(new Samples<T>(Any.Matrix<T>(4, 2, 1), Any.Matrix<T>(4, 2, 2), weights: Matrix<T>.Build.Dense(4, 1, T.One)), 2));
        ((Action)(() => weighted.Fit(1))).Should().Throw<NotSupportedException>().WithMessage("CombinedLoss(*) cannot be given samples that weigh differently: it does not say what each sample's loss is. *");
    }

    [Fact]
    public void Two_trainings_do_not_share_a_source_of_batches()
    {
        var (one, other) = (Runs.Build<T>(new()), Runs.Build<T>(new()));
        var shared = new Trainer<T>(other.Model, other.Loss, other.Optimizer, one.Training);
        one.Fit(1, progress => ((Action)(() => shared.Fit(1))).Should().Throw<InvalidOperationException>().WithMessage("Batches is in use by another training: *"));
        shared.Fit(1);
    }

    [Fact]
    public void A_gradient_that_is_not_finite_from_the_loss_on_is_said_to_be()
    {
        var model = NewModel();
        new Trainer<T>(model, new BadGradient(), new SGD<T>(model.Parameters, 0.1), new(Runs.Samples<T>(6, 1), 3))
            .Invoking(t => t.Fit(1)).Should().Throw<NotFiniteNumberException>().WithMessage("The gradient of 0.weight *: the loss's own gradient has such values. *");
    }

    [Fact]
    public void A_parameters_gradient_that_alone_is_not_finite_names_its_layer()
    {
        // dW overflows, and nothing that flows between the layers does.
        var huge = T.CreateSaturating(typeof(T) == typeof(double) ? 1e300 : 1e38);
        var model = new Sequential<T> { { "line", new Linear<T>(1, 1, generator: new Generator(1)) } };
        Init.Constant(model.Get<Linear<T>>("line").Weight, 0);
        var trainer = new Trainer<T>(model, new MSELoss<T>(Reduction.Sum), new SGD<T>(model.Parameters, 0.1), new(Matrix<T>.Build.Dense(2, 1, huge), Matrix<T>.Build.Dense(2, 1, T.CreateChecked(1e10)), 2));
        trainer.Invoking(t => t.Fit(1)).Should().Throw<NotFiniteNumberException>().WithMessage("The gradient of line.weight *: it began in the backward pass of \"line\", Linear(1 -> 1). *");
    }

    [Fact]
    public void Validation_in_chunks_is_that_of_the_whole_and_takes_the_room_of_one()
    {
        const int Count = 5000;
        var model = new Sequential<T> { new Linear<T>(Runs.Features, 512, generator: new Generator(1)), new ReLU<T>(), new Linear<T>(512, Runs.Classes, generator: new Generator(2)) };
        var samples = Runs.Samples<T>(Count, 1);
        var trainer = new Trainer<T>(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1), new(samples, 32)) { Metrics = [new Accuracy<T>(), new Accuracy<T>(2)] };
        var before = GC.GetAllocatedBytesForCurrentThread();
        var (loss, metrics) = trainer.Evaluate(samples);
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(Count * 512 * sizeof(float) / 2, "the outputs of the two hidden layers alone have twice {0} entries", Count * 512);
        var prediction = model.Forward(samples.X);
        loss.Should().BeApproximately(double.CreateChecked(trainer.Loss.Forward(prediction, samples.Y)), Tolerance);
        foreach (var metric in trainer.Metrics) metrics[metric.Name].Should().Be(metric.Of(prediction, samples.Y));
        Allocation.Least(() => trainer.Evaluate(samples)).Should().BeLessThan(20_000, "the pass is kept");
    }

    [Fact]
    public void A_metric_that_wants_all_predictions_at_once_gets_them()
    {
        var model = new Sequential<T> { new Linear<T>(Runs.Features, 2, generator: new Generator(1)) };
        var samples = new Samples<T>(Any.Matrix<T>(1000, Runs.Features, 1), Any.Matrix<T>(1000, 2, 2));
        var trainer = new Trainer<T>(model, new MSELoss<T>(), new SGD<T>(model.Parameters, 0.1), new(samples, 32)) { Metrics = [new Median(), new R2<T>(), new MeanAbsoluteError<T>()] };
        var (prediction, metrics) = (model.Forward(samples.X), trainer.Evaluate(samples).Metrics);
        metrics["median"].Should().Be(new Median().Of(prediction, samples.Y));
        foreach (var metric in trainer.Metrics) metrics[metric.Name].Should().BeApproximately(metric.Of(prediction, samples.Y), 1e-12);
    }

    [Fact]
    public void No_chunk_is_left_with_one_sample()
    {
        var model = new Sequential<T> { new BatchNorm1d<T>(Runs.Features, trackRunningStats: false), new Linear<T>(Runs.Features, Runs.Classes) };
        new Trainer<T>(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1), new(Runs.Samples<T>(8, 1), 4)).Evaluate(Runs.Samples<T>(257, 2)).Loss.Should().BePositive();
    }

    [Fact]
    public void What_is_wrong_in_a_later_chunk_says_where_it_begins()
    {
        var (model, samples) = (NewModel(), Runs.Samples<T>(600, 1));
        samples.Y[450, 0] = T.CreateChecked(7);
        new Trainer<T>(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1), new(Runs.Samples<T>(8, 1), 4))
            .Invoking(t => t.Evaluate(samples)).Should().Throw<ArgumentException>().WithMessage("In samples 400 to 599, counted from 400: CrossEntropyLoss* but target has 7 for sample 50.*");
    }

    private static Sequential<T> NewModel() => new() { new Linear<T>(Runs.Features, Runs.Classes, generator: new Generator(1)) };

    private sealed class BadGradient : Loss<T>
    {
        protected override void Check(Matrix<T> prediction, Matrix<T> target) { }

        protected override T ForwardCore(Matrix<T> prediction, Matrix<T> target) => T.One;

        protected override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction) => dPrediction.MapInplace(_ => T.NaN, Zeros.Include);
    }

    private sealed class Median : Metric<T>
    {
        public override string Name => "median";

        protected override double Measure(Matrix<T> prediction, Matrix<T> target) => (prediction - target).Enumerate().Select(double.CreateChecked).Order().ElementAt(prediction.RowCount);
    }
}

public sealed class TrainerNumbersDoubleTests : TrainerNumbersTests<double>;

public sealed class TrainerNumbersSingleTests : TrainerNumbersTests<float>;

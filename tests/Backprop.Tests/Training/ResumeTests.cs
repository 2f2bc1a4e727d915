using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>What may be different where a training goes on, what becomes of it, and what is found to be different however well it hides.</summary>
public abstract class ResumeTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private static readonly Runs.Settings Usual = new(Scheduler: "step");

    [Fact]
    public void With_another_batch_size_a_running_epoch_begins_again_in_the_next_order()
    {
        var saved = Runs.Build<T>(Usual);
        var file = Stopped(saved, 1, 2);
        var resumed = Resumed(file, Usual with { BatchSize = 7, DropLast = true }, ResumeChanges.BatchSize);
        (resumed.Epoch, resumed.Batch).Should().Be((1, 0));
        Runs.Model(resumed.Model).Should().Be(Runs.Model(saved.Model));
        resumed.Training.Generator!.GetState().Should().Equal(saved.Training.Generator!.GetState());
        resumed.Fit(3).Epochs.Should().HaveCount(3);
    }

    [Fact]
    public void With_more_samples_a_running_epoch_begins_again()
    {
        var saved = Runs.Build<T>(Usual);
        var resumed = Resumed(Stopped(saved, 1, 2), Usual with { Samples = 40 }, ResumeChanges.Samples);
        (resumed.Epoch, resumed.Batch).Should().Be((1, 0));
        Runs.Model(resumed.Model).Should().Be(Runs.Model(saved.Model));
        resumed.Fit(3);
        ((Batches<T>)resumed.Training).Order.ToArray().Order().Should().Equal(Enumerable.Range(0, 40));
    }

    [Fact]
    public void A_scheduler_that_comes_goes_or_is_another_starts_as_it_was_made_here()
    {
        var without = Usual with { Scheduler = null };
        var plain = Stopped(Runs.Build<T>(without), 3, 0);
        var resumed = Resumed(plain, Usual, ResumeChanges.Schedulers);
        resumed.Scheduler!.Epoch.Should().Be(0);
        resumed.Fit(5);
        resumed.Optimizer.LearningRate.Should().Be(0.01, "two epochs are over for the scheduler");

        // One that changes rates and momenta from the start, and makes each rate from the last one.
        resumed = Resumed(plain, without with { OneCycle = true }, ResumeChanges.Schedulers);
        resumed.Optimizer.LearningRate.Should().BeApproximately(0.1 / 25, 1e-15);
        var linear = Build(without, optimizer => new LinearLR(optimizer, 0.25, 1, 3), schedulerFirst: true);
        linear.LoadCheckpoint(new MemoryStream(plain), ResumeChanges.Schedulers).Should().Be(ResumeChanges.Schedulers);
        linear.Fit(6);
        linear.Optimizer.LearningRate.Should().BeApproximately(0.02, 1e-15);

        var stepped = Stopped(Runs.Build<T>(Usual), 4, 0);
        Resumed(stepped, without, ResumeChanges.Schedulers).Optimizer.LearningRate.Should().Be(0.02);
        Resumed(stepped, Usual, ResumeChanges.All).Optimizer.LearningRate.Should().Be(0.005);
    }

    [Fact]
    public void Early_stopping_with_more_patience_keeps_the_best_epoch_and_one_that_comes_looks_from_here_on()
    {
        var settings = new Runs.Settings(LearningRate: 0.5, EarlyStopping: new(2));
        var saved = Runs.Build<T>(settings);
        saved.Fit(100);
        var stopped = saved.Epoch;
        stopped.Should().BeLessThan(100);
        using var stream = new MemoryStream();
        saved.SaveCheckpoint(stream);

        var resumed = Resumed(stream.ToArray(), settings with { EarlyStopping = new(1000) }, ResumeChanges.EarlyStopping);
        resumed.Fit(stopped + 1);
        resumed.Epoch.Should().Be(stopped + 1);
        using var again = new MemoryStream();
        resumed.SaveCheckpoint(again);
        Resumed(again.ToArray(), settings with { EarlyStopping = new(1000) }, ResumeChanges.None);

        var without = Stopped(Runs.Build<T>(Usual), 3, 1);
        resumed = Resumed(without, Usual with { EarlyStopping = new(1) }, ResumeChanges.EarlyStopping);
        resumed.Fit(5).Epochs.Should().HaveCount(5, "the first epoch from here on is the best so far");
    }

    [Fact]
    public void Validation_may_come_and_go_and_past_epochs_keep_what_they_have()
    {
        var with = Usual with { EarlyStopping = new(30) };
        var saved = Runs.Build<T>(with);
        var resumed = Resumed(Stopped(saved, 2, 1), with with { Validation = false }, ResumeChanges.Validation);
        resumed.Fit(3);
        resumed.History.Epochs.Select(epoch => epoch.ValidationLoss is not null).Should().Equal(true, true, false);
        using var stream = new MemoryStream();
        resumed.SaveCheckpoint(stream);
        resumed = Resumed(stream.ToArray(), with, ResumeChanges.Validation);
        resumed.Fit(4);
        resumed.History.Epochs.Select(epoch => epoch.ValidationLoss is not null).Should().Equal(true, true, false, true);
        resumed.History.Epochs.Select(epoch => epoch.Metrics.Count).Should().Equal(2, 2, 0, 2);
        resumed.History.Epochs[0].Should().BeEquivalentTo(saved.History.Epochs[0]);
    }

    [Fact]
    public void Hyperparameters_that_differ_are_those_of_here_and_others_as_they_had_become()
    {
        var settings = new Runs.Settings(Optimizer: "momentum");
        var saved = Runs.Build<T>(settings);
        saved.Optimizer.Groups[0].WeightDecay = 0.125;          // by hand, in the middle of the training
        var file = Stopped(saved, 1, 2);
        var resumed = Resumed(file, settings with { LearningRate = 0.03, Clip = 0.5 }, ResumeChanges.Hyperparameters);
        resumed.Optimizer.LearningRate.Should().Be(0.03);
        resumed.Optimizer.Groups[0].WeightDecay.Should().Be(0.125);
        (resumed.Epoch, resumed.Batch).Should().Be((1, 2));

        // What an optimizer insists on otherwise may change, too.
        var model = (Sequential<T>)Runs.Build<T>(settings).Model;
        var source = Runs.Build<T>(settings);
        var other = new Trainer<T>(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.02, momentum: 0.9, dampening: 0.5), source.Training) { Validation = source.Validation, Metrics = source.Metrics };
        var refused = () => other.LoadCheckpoint(new MemoryStream(file));
        refused.Should().Throw<InvalidDataException>().WithMessage("*:\n  optimizer groups.0.dampening: 0 there, 0.5 here; ResumeChanges.Hyperparameters allows it");
        other.LoadCheckpoint(new MemoryStream(file), ResumeChanges.Hyperparameters).Should().Be(ResumeChanges.Hyperparameters);
    }

    [Fact]
    public void Where_nothing_differs_all_may_and_nothing_does()
    {
        var uninterrupted = Runs.Build<T>(Usual);
        uninterrupted.Fit(4);
        var resumed = Runs.Build<T>(Usual);
        resumed.LoadCheckpoint(new MemoryStream(Stopped(Runs.Build<T>(Usual), 1, 2)), ResumeChanges.All).Should().Be(ResumeChanges.None);
        resumed.Fit(4);
        Runs.Bits(resumed).Should().Be(Runs.Bits(uninterrupted));
    }

    [Fact]
    public void Another_model_loss_or_optimizer_is_never_allowed()
    {
        var file = Stopped(Runs.Build<T>(Usual), 1, 2);
        foreach (var other in (Runs.Settings[])[Usual with { Hidden = 5 }, Usual with { Dropout = 0.4 }, Usual with { Optimizer = "rmsprop" }, Usual with { BatchNorm = false }])
        {
            var trainer = Runs.Build<T>(other);
            var before = Runs.Bits(trainer);
            trainer.Invoking(t => t.LoadCheckpoint(new MemoryStream(file), ResumeChanges.All)).Should().Throw<InvalidDataException>();
            Runs.Bits(trainer).Should().Be(before);
        }
    }

    public static TheoryData<string, Func<Optimizer<T>, LRScheduler>> AllSchedulers => new()
    {
        { "sgd", optimizer => new StepLR(optimizer, 2, 0.5) }, { "momentum", optimizer => new LinearLR(optimizer, 0.25, 1, 3) }, { "adam", optimizer => new OneCycleLR(optimizer, 0.1, 30) },
        { "momentum", optimizer => new OneCycleLR(optimizer, 0.1, 30) }, { "adam", optimizer => new MultiStepLR(optimizer, [0, 2]) }, { "rmsprop", optimizer => new ReduceLROnPlateau(optimizer, patience: 0) },
    };

    [Theory, MemberData(nameof(AllSchedulers))]
    public void It_does_not_matter_whether_the_scheduler_or_the_trainer_was_made_first(string optimizer, Func<Optimizer<T>, LRScheduler> scheduler)
    {
        var settings = new Runs.Settings(Optimizer: optimizer);
        var uninterrupted = Build(settings, scheduler, schedulerFirst: true);
        uninterrupted.Fit(5);
        foreach (var (savedFirst, resumedFirst) in ((bool, bool)[])[(true, false), (false, true), (false, false), (true, true)])
        {
            var resumed = Build(settings, scheduler, resumedFirst);
            resumed.LoadCheckpoint(new MemoryStream(Stopped(Build(settings, scheduler, savedFirst), 2, 3)));
            resumed.Fit(5);
            Runs.Bits(resumed).Should().Be(Runs.Bits(uninterrupted));
        }
    }

    [Fact]
    public void Other_class_weights_are_found()
    {
        var loss = (double last) => new CrossEntropyLoss<T>(Vector<T>.Build.Dense(5, i => T.CreateChecked(i == 4 ? last : 1)));
        Refused(WithLoss(loss(0.5), 5), WithLoss(loss(0.25), 5), "loss weight: [1, 1, 1, 1, 0.5] there, [1, 1, 1, 1, 0.25] here");
        loss = last => new CrossEntropyLoss<T>(Vector<T>.Build.Dense(50, i => T.CreateChecked(i == 49 ? last : 1)));
        Refused(WithLoss(loss(0.5), 50), WithLoss(loss(0.25), 50), "loss weight: [50 values, *] there, [50 values, *] here");
    }

    [Fact]
    public void Other_settings_of_ones_own_parts_are_found_though_their_texts_are_alike()
    {
        Refused(Custom(), Custom(layer: new Scale(0.25)), "model.inner.0 factor: 0.5 there, 0.25 here");
        Refused(Custom(), Custom(layer: new Scale(0.5) { Power = 2 }), "model.inner.0 power: 1 there, 2 here");
        Refused(Custom(), Custom(loss: new Weighted([1, 3])), "loss weights: [1, 2] there, [1, 3] here");
        Refused(Custom(), Custom(loss: new Weighted([1, 2], Reduction.Sum)), "loss reduction: Mean there, Sum here");
        Refused(Custom(), Custom(loss: new Around(new Weighted([1, 2]))), "loss: Backprop.Tests.ResumeTests.Weighted there, Backprop.Tests.ResumeTests.Around here\n*");
        Refused(Custom(loss: new Around(new Weighted([1, 2]))), Custom(loss: new Around(new Weighted([1, 4]))), "loss inner weights: [1, 2] there, [1, 4] here");
        Refused(Custom(), Custom(metric: new Within(0.25)), "metrics within tolerance: 0.5 there, 0.25 here; ResumeChanges.Validation allows it");
        Refused(Custom(), Custom(decay: 0.8), "scheduler decay: 0.9 there, 0.8 here; ResumeChanges.Schedulers allows it");
        var drifted = Custom();
        ((Scale)((Sequential<T>)((Sequential<T>)drifted.Model)["inner"])["0"]).Calls = 17;      // state, and no setting
        drifted.LoadCheckpoint(new MemoryStream(Stopped(Custom(), 1, 1)));
    }

    [Fact]
    public void The_constants_of_a_formula_are_settings()
    {
        Refused(Custom(layer: new Swish(1.5)), Custom(layer: new Swish(2)), "model.inner.0 beta: 1.5 there, 2 here");
        Refused(Custom(loss: new Quantile(0.9)), Custom(loss: new Quantile(0.6)), "loss q: 0.9 there, 0.6 here");
        Refused(Custom(loss: new Quantile(0.9, byColumn: true)), Custom(loss: new Quantile(0.8, byColumn: true)), "loss column 0 q: 0.9 there, 0.8 here");
    }

    /// <summary>A schedule goes on as if it had begun from the other rate.</summary>
    [Fact]
    public void Another_learning_rate_is_that_of_a_schedule_from_its_beginning()
    {
        foreach (var make in (Func<Optimizer<T>, LRScheduler>[])[
            o => new ExponentialLR(o, 0.8), o => new LinearLR(o, startFactor: 0.1, totalIters: 10), o => new CosineAnnealingLR(o, 10), o => new Decay(o, 0.9), o => new LambdaLR(o, epoch => 1 / (1.0 + epoch)),
            o => new SequentialLR(o, [new LinearLR(o, startFactor: 0.25, totalIters: 2), new CosineAnnealingLR(o, 8)], [2]), o => new ChainedScheduler([new LinearLR(o), new ExponentialLR(o, 0.8)])])
        {
            var usual = new Runs.Settings(Optimizer: "sgd", LearningRate: 0.01);
            var saved = Build(usual, make, schedulerFirst: true);
            saved.Fit(3);
            using var file = new MemoryStream();
            saved.SaveCheckpoint(file);
            file.Position = 0;
            var resumed = Build(usual with { LearningRate = 0.1 }, make, schedulerFirst: true);
            resumed.LoadCheckpoint(file, ResumeChanges.Hyperparameters);
            resumed.Fit(7);
            var fresh = Build(usual with { LearningRate = 0.1 }, make, schedulerFirst: true);
            fresh.Fit(7);
            resumed.Optimizer.LearningRate.Should().BeApproximately(fresh.Optimizer.LearningRate, 1e-12, $"{resumed.Scheduler}");
        }
    }

    [Fact]
    public void A_place_to_work_in_is_no_setting_once_training_began()
    {
        var (saved, resumed) = (Custom(), Custom());
        saved.Fit(1);
        using var stream = new MemoryStream();
        saved.SaveCheckpoint(stream);
        ((Scale)((Sequential<T>)((Sequential<T>)saved.Model)["inner"])["0"]).Last.Should().NotBe(0, "the layer has worked in its array");
        resumed.LoadCheckpoint(new MemoryStream(stream.ToArray()));
    }

    [Fact]
    public void Layers_that_are_one_and_layers_that_are_two_differ()
    {
        var shared = new Linear<T>(Runs.Features, Runs.Features);
        Refused(
            Over(new Sequential<T> { { "a", shared }, { "b", shared } }), Over(new Sequential<T> { { "a", new Linear<T>(Runs.Features, Runs.Features) }, { "b", new Linear<T>(Runs.Features, Runs.Features) } }),
            "*model.b.weight shape: (6, 6), the same as a.weight there, (6, 6) here\n*");
    }

    private static Trainer<T> Build(Runs.Settings settings, Func<Optimizer<T>, LRScheduler> scheduler, bool schedulerFirst)
    {
        var parts = Runs.Build<T>(settings with { Scheduler = null });
        var perBatch = scheduler(new SGD<T>(new Linear<T>(1, 1).Parameters, momentum: 0.5)) is OneCycleLR;
        var first = schedulerFirst ? scheduler(parts.Optimizer) : null;
        return new(parts.Model, parts.Loss, parts.Optimizer, parts.Training)
        {
            Validation = parts.Validation,
            Metrics = parts.Metrics,
            Scheduler = perBatch ? null : first ?? scheduler(parts.Optimizer),
            BatchScheduler = perBatch ? first ?? scheduler(parts.Optimizer) : null,
        };
    }

    private static Trainer<T> Over(Sequential<T> model) => new(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters), new(Runs.Samples<T>(23, 1), 5));

    private static Trainer<T> WithLoss(Loss<T> loss, int classes)
    {
        var model = new Linear<T>(Runs.Features, classes, generator: new Generator(1));
        return new(model, loss, new SGD<T>(model.Parameters), new(Runs.Samples<T>(23, 1), 5));
    }

    private static Trainer<T> Custom(Layer<T>? layer = null, Loss<T>? loss = null, Metric<T>? metric = null, double decay = 0.9)
    {
        var generator = new Generator(1);
        var model = new Sequential<T> { { "inner", new Sequential<T> { layer ?? new Scale(0.5) } }, { "output", new Linear<T>(Runs.Features, 1, generator: generator) } };
        var optimizer = new SGD<T>(model.Parameters, 0.01);
        return new(model, loss ?? new Weighted([1, 2]), optimizer, new(Runs.Samples<T>(23, 1), 5, generator))
        {
            Validation = Runs.Samples<T>(11, 8),
            Metrics = [metric ?? new Within(0.5)],
            Scheduler = new Decay(optimizer, decay),
        };
    }

    private static byte[] Stopped(Trainer<T> trainer, int epoch, int batch)
    {
        if (epoch > 0) trainer.Fit(epoch);
        if (batch == 0) return Saved(trainer);
        using var cancellation = new CancellationTokenSource();
        trainer.Invoking(t => t.Fit(epoch + 1, _ =>
        {
            if (trainer.Batch == batch) cancellation.Cancel();
        }, cancellation.Token)).Should().Throw<OperationCanceledException>();
        (trainer.Epoch, trainer.Batch).Should().Be((epoch, batch));
        return Saved(trainer);
    }

    private static byte[] Saved(Trainer<T> trainer)
    {
        using var stream = new MemoryStream();
        trainer.SaveCheckpoint(stream);
        return stream.ToArray();
    }

    /// <summary>Refused as it is, allowed where that is asked for.</summary>
    private static Trainer<T> Resumed(byte[] file, Runs.Settings settings, ResumeChanges changes)
    {
        var trainer = Runs.Build<T>(settings);
        if (changes is not (ResumeChanges.None or ResumeChanges.All))
        {
            var before = Runs.Bits(trainer);
            trainer.Invoking(t => t.LoadCheckpoint(new MemoryStream(file), ResumeChanges.All & ~changes)).Should().Throw<InvalidDataException>().WithMessage($"*; ResumeChanges.{changes} allows it*");
            Runs.Bits(trainer).Should().Be(before);
        }

        trainer.LoadCheckpoint(new MemoryStream(file), changes).Should().Be(changes == ResumeChanges.All ? ResumeChanges.None : changes);
        return trainer;
    }

    private static void Refused(Trainer<T> saved, Trainer<T> other, string message)
    {
        var file = Stopped(saved, 0, 1);
        other.Invoking(t => t.LoadCheckpoint(new MemoryStream(file))).Should().Throw<InvalidDataException>()
            .WithMessage($"The stream is a checkpoint of a training with other settings:\n  {message}");
    }

    private sealed class Scale(double factor) : Layer<T>
    {
        private readonly double[] _scratch = new double[1];

        public int Power { get; init; } = 1;

        public int Calls { get; set; }

        public double Last => _scratch[0];

        protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
        {
            Calls++;
            _scratch[0] = double.CreateChecked(x[0, 0]);
            var y = pass.NewOutput(x.RowCount, x.ColumnCount);
            x.Multiply(T.CreateChecked(Math.Pow(factor, Power)), y);
            return y;
        }

        protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
        {
            var dX = pass.NewInputGradient();
            dY.Multiply(T.CreateChecked(Math.Pow(factor, Power)), dX);
            return dX;
        }
    }

    private sealed class Weighted(double[] weights, Reduction reduction = Reduction.Mean) : Loss<T>(reduction)
    {
        protected override T ForwardCore(Matrix<T> prediction, Matrix<T> target) => T.CreateChecked(weights[0] + weights[1]);

        protected override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction) => dPrediction.Clear();
    }

    private sealed class Around(Loss<T> inner) : Loss<T>
    {
        private readonly Loss<T> _inner = inner;

        protected override T ForwardCore(Matrix<T> prediction, Matrix<T> target) => _inner.Forward(prediction, target);

        protected override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction) => dPrediction.Clear();
    }

    private sealed class Swish(double beta) : VectorizedActivation<T>(Of(new Function(beta)))
    {
        private readonly struct Function(double beta) : IFunction
        {
            public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => x * V.Sigmoid(beta * x);

            public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> => dY * (V.Sigmoid(beta * x) + beta * y * (1 - V.Sigmoid(beta * x)));
        }
    }

    private sealed class Quantile(double q, bool byColumn = false) : VectorizedLoss<T>(byColumn ? ByColumn(Of(new Function(q))) : Of(new Function(q)))
    {
        private readonly struct Function(double q) : IFunction
        {
            public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T> => V.Select(t > p, q * (t - p), (1 - q) * (p - t));

            public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T> => V.Select(t > p, V.Broadcast(T.CreateChecked(-q)), V.Broadcast(T.CreateChecked(1 - q)));
        }
    }

    private sealed class Within(double tolerance) : Metric<T>
    {
        public override string Name => "within";

        protected override double Measure(Matrix<T> prediction, Matrix<T> target) => tolerance;
    }

    private sealed class Decay(Optimizer optimizer, double decay) : LRScheduler(optimizer)
    {
        protected override double Next(int epoch, double rate, double initial) => rate * decay;
    }
}

public sealed class ResumeDoubleTests : ResumeTests<double>;

public sealed class ResumeSingleTests : ResumeTests<float>;

using System.Numerics;
using CsCheck;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

/// <summary>Whatever a training is made of, and wherever it is interrupted: what goes on from the checkpoint comes to the same bits.</summary>
public abstract class ResumePropertyTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Epochs = 5;

    private static readonly string[] Sources = ["order", "shuffled", "drawn by weights", "weighted", "streamed", "streamed, shuffled", "streamed, count known"];
    private static readonly string[] Schedulers = ["none", "step", "plateau of accuracy", "warm-up, then cosine", "chained", "warm restarts", "lambda", "one cycle"];

    private static readonly Gen<(int Source, int Scheduler, int Optimizer, int Accumulate, int Shards, int Freeze, int Options, int Stop)> Plans =
        Gen.Select(Gen.Int[0, Sources.Length - 1], Gen.Int[0, Schedulers.Length - 1], Gen.Int[0, 3], Gen.Int[1, 3], Gen.Int[0, 2], Gen.Int[0, 2], Gen.Int[0, 7], Gen.Int[1, 24]);

    [Fact]
    public void Interrupted_in_any_callback_it_goes_on_with_the_same_bits() => Plans.ForAll(plan =>
    {
        var whole = Build(plan);
        whole.Fit(Epochs, progress => Act(plan, progress));

        var (first, calls) = (Build(plan), 0);
        using var file = new MemoryStream();
        first.Fit(Epochs, progress =>
        {
            Act(plan, progress);
            if (++calls != plan.Stop) return;
            progress.Trainer.SaveCheckpoint(file);
            progress.Stop();
        });
        if (calls < plan.Stop) return;      // it had ended

        file.Position = 0;
        var second = Build(plan);
        second.LoadCheckpoint(file);
        second.Fit(Epochs, progress => Act(plan, progress));
        Runs.Bits(second).Should().Be(Runs.Bits(whole));
        second.Model.NamedParameters().Select(named => named.Parameter.Frozen).Should().Equal(whole.Model.NamedParameters().Select(named => named.Parameter.Frozen));
    }, count: 120);

    // In some plans a callback freezes a layer after the second epoch, and lets it learn again after the fourth.
    private static void Act((int Source, int Scheduler, int Optimizer, int Accumulate, int Shards, int Freeze, int Options, int Stop) plan, TrainingProgress<T> progress)
    {
        if (progress.Moment != TrainingMoment.EpochEnd || plan.Freeze == 0) return;
        var layer = ((Sequential<T>)progress.Trainer.Model)[plan.Freeze == 1 ? "hidden" : "norm"];
        if (progress.Epoch == 2) layer.Freeze();
        if (progress.Epoch == 4) layer.Unfreeze();
    }

    private static Trainer<T> Build((int Source, int Scheduler, int Optimizer, int Accumulate, int Shards, int Freeze, int Options, int Stop) plan)
    {
        var (generator, order) = (new Generator(1), new Generator(2));
        var model = new Sequential<T>
        {
            { "hidden", new Linear<T>(Runs.Features, 5, generator: generator) }, { "norm", new BatchNorm1d<T>(5) }, { "bend", new Tanh<T>() },
            { "dropout", new Dropout<T>((plan.Options & 1) == 0 ? 0 : 0.3, new Generator(3)) }, { "output", new Linear<T>(5, Runs.Classes, generator: generator) },
        };
        Optimizer<T> optimizer = plan.Optimizer switch
        {
            0 => new SGD<T>(model.Parameters, 0.1, momentum: 0.9),
            1 => new RMSprop<T>(model.Parameters, 0.01, centered: true, momentum: 0.5),
            2 => new AdamW<T>(model.Parameters, 0.02, amsgrad: true),
            _ => new Optimizer<T>(new SGDGroup<T>(model["hidden"].Parameters) { LearningRate = 0.1 }, new AdamGroup<T>(model.Parameters.Except(model["hidden"].Parameters).ToArray()) { LearningRate = 0.02 }),
        };
        var samples = Runs.Samples<T>(24, 5);
        var weights = Enumerable.Range(0, samples.Count).Select(i => 1.0 + i % 3).ToArray();
        BatchSource<T> source = Sources[plan.Source] switch
        {
            "order" => new Batches<T>(samples, 8),
            "shuffled" => new Batches<T>(samples, 8, order),
            "drawn by weights" => new Batches<T>(samples, 8, order) { SamplingWeights = weights },
            "weighted" => new Batches<T>(new Samples<T>(samples.X, samples.Y, weights: MathNet.Numerics.LinearAlgebra.Matrix<T>.Build.Dense(samples.Count, 1, (i, _) => T.CreateChecked(weights[i]))), 8, order),
            "streamed" => new StreamedBatches<T>(new Rows<T>(samples).Read, Runs.Features, 1, 8, dropLast: true),
            "streamed, shuffled" => new StreamedBatches<T>(new Rows<T>(samples).Enumerate, Runs.Features, 1, 8, order, dropLast: true) { ShuffleBuffer = 7 },
            _ => new StreamedBatches<T>(new Rows<T>(samples).Read, Runs.Features, 1, 8, order, sampleCount: samples.Count) { ShuffleBuffer = 100 },
        };
        var scheduler = Schedulers[plan.Scheduler];
        var steps = source.Count is int batches ? Epochs * ((batches - 1) / plan.Accumulate + 1) : (int?)null;
        return new(model, new CrossEntropyLoss<T>(), optimizer, source)
        {
            Validation = Runs.Samples<T>(11, 9),
            Metrics = [new Accuracy<T>(), new F1<T>()],
            GradientAccumulationSteps = plan.Accumulate,
            Shards = 1 << plan.Shards,
            MaxGradientNorm = (plan.Options & 2) == 0 ? null : 0.5,
            EarlyStopping = (plan.Options & 4) == 0 ? null : plan.Stop % 2 == 0 ? EarlyStopping.BestOnly("accuracy") : new(Patience: 2),
            SchedulerMetric = scheduler == "plateau of accuracy" ? "accuracy" : null,
            Scheduler = scheduler switch
            {
                "step" => new StepLR(optimizer, 2, 0.5),
                "plateau of accuracy" => new ReduceLROnPlateau(optimizer, PlateauMode.Max, patience: 0, threshold: 0.01),
                "warm-up, then cosine" => new SequentialLR(optimizer, [new LinearLR(optimizer, 0.25, totalIters: 2), new CosineAnnealingLR(optimizer, 3)], [2]),
                "chained" => new ChainedScheduler([new LinearLR(optimizer, 0.5, totalIters: 3), new ExponentialLR(optimizer, 0.9)]),
                "warm restarts" => new CosineAnnealingWarmRestarts(optimizer, 2),
                "lambda" => new LambdaLR(optimizer, epoch => 1.0 / (1 + epoch)),
                _ => null,
            },
            BatchScheduler = scheduler == "one cycle" && steps is int total ? new OneCycleLR(optimizer, 0.1, total) : null,
        };
    }
}

public sealed class ResumePropertyDoubleTests : ResumePropertyTests<double>;

public sealed class ResumePropertySingleTests : ResumePropertyTests<float>;

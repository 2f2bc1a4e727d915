using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>Every kind of source of batches: the same seed gives the same training, interrupted and resumed at any step, too.</summary>
public abstract class BatchSourceTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private const int Count = 23, Epochs = 3;

    private static readonly Func<int, Generator, BatchSource<T>>[] Kinds =
    [
        (batchSize, generator) => new Batches<T>(Runs.Samples<T>(Count, 1), batchSize, generator),
        (batchSize, generator) => new Batches<T>(Runs.Samples<T>(Count, 1), batchSize, generator) { SamplingWeights = [.. Enumerable.Range(0, Count).Select(i => i % 4 * 0.5)] },
        (batchSize, generator) => new Batches<T>(Weighted(), batchSize, generator, dropLast: true),
        (batchSize, generator) => new Batches<T>(new Samples<T>(Runs.Samples<T>(2 * Count, 1).X, Runs.Samples<T>(2 * Count, 1).Y, 2, 2), batchSize, generator),
        (batchSize, generator) => new Noisy(batchSize, generator),
        (batchSize, generator) => new StreamedBatches<T>(Stream.Read, Runs.Features, 1, batchSize, generator) { ShuffleBuffer = 7 },
        (batchSize, generator) => new StreamedBatches<T>(Stream.Enumerate, Runs.Features, 1, batchSize, generator, dropLast: true, sampleCount: Count) { ReadAhead = 1 },
        (batchSize, _) => new StreamedBatches<T>(() => Stream.EnumerateInTime(), Runs.Features, 1, batchSize),
        (batchSize, generator) => new StreamedBatches<T>(() => Stream.Enumerate().Select((row, i) => (row.X, (T[])[.. row.Y, T.CreateChecked(i % 3 + 0.5)])), Runs.Features, 1, batchSize, generator) { Weighted = true },
    ];

    private static Rows<T> Stream => new(Runs.Samples<T>(Count, 1));

    private static Samples<T> Weighted()
    {
        var samples = Runs.Samples<T>(Count, 1);
        return new(samples.X, samples.Y, weights: Matrix<T>.Build.Dense(Count, 1, (i, _) => T.CreateChecked(i % 3 + 0.5)));
    }

    private static Trainer<T> NewTrainer(int kind, int seed, int batchSize)
    {
        var generator = new Generator(seed);
        var model = new Sequential<T>
        {
            new Linear<T>(Runs.Features, 4, generator: generator), new Tanh<T>(), new Dropout<T>(0.2, generator), new Linear<T>(4, Runs.Classes, generator: generator),
        };
        return new(model, new CrossEntropyLoss<T>(), new Adam<T>(model.Parameters, 0.02), Kinds[kind](batchSize, generator));
    }

    [Fact]
    public void Resumed_at_any_step_a_training_gives_bit_for_bit_the_uninterrupted_run() =>
        Gen.Select(Gen.Int[0, Kinds.Length - 1], Gen.Int[1, 1000], Gen.Int[1, 23], Gen.Double[0, 1], Gen.Double[0, 1]).ForAll(run =>
        {
            var (kind, seed, batchSize, first, second) = run;
            var uninterrupted = NewTrainer(kind, seed, batchSize);
            var steps = 0;
            uninterrupted.Fit(Epochs, told => steps += told.Moment == TrainingMoment.BatchEnd ? 1 : 0);

            var trainer = NewTrainer(kind, seed, batchSize);
            foreach (var stop in (int[])[(int)(first * steps) + 1, (int)(second * steps) + 1])
            {
                var step = 0;
                trainer.Fit(Epochs, told =>
                {
                    if (told.Moment == TrainingMoment.BatchEnd && ++step >= stop) told.Stop();
                });
                using var file = new MemoryStream();
                trainer.SaveCheckpoint(file);
                file.Position = 0;
                trainer = NewTrainer(kind, seed, batchSize);
                if (stop % 2 == 0) trainer.Fit(1);
                trainer.LoadCheckpoint(file);
            }

            trainer.Fit(Epochs);
            Runs.Bits(trainer).Should().Be(Runs.Bits(uninterrupted), $"kind {kind}");
        }, count: 160);

    [Fact]
    public void Cancelled_at_any_step_a_training_goes_on_as_if_it_had_not_been()
    {
        for (var kind = 0; kind < Kinds.Length; kind++)
        {
            var uninterrupted = NewTrainer(kind, 5, 4);
            uninterrupted.Fit(Epochs);
            var trainer = NewTrainer(kind, 5, 4);
            for (var stop = 1; trainer.Epoch < Epochs; stop = stop % 3 + 1)
            {
                using var cancellation = new CancellationTokenSource();
                var step = 0;
                try
                {
                    trainer.Fit(Epochs, told =>
                    {
                        if (told.Moment == TrainingMoment.BatchEnd && ++step == stop) cancellation.Cancel();
                    }, cancellation.Token);
                }
                catch (OperationCanceledException)
                {
                    // As was asked.
                }
            }

            Runs.Bits(trainer).Should().Be(Runs.Bits(uninterrupted), $"kind {kind}");
        }
    }

    [Fact]
    public void A_state_of_something_else_is_refused_and_changes_nothing()
    {
        for (var kind = 0; kind < Kinds.Length; kind++)
        {
            var source = Kinds[kind](4, new Generator(1));
            source.Shuffle();
            source.TryGather(0, out var batch).Should().BeTrue();
            var before = batch.X.Clone();
            source.Invoking(s => s.SetState(1, new Dictionary<string, long[]>())).Should().Throw<ArgumentException>();
            source.Invoking(s => s.SetState(-1, source.GetState(1))).Should().Throw<ArgumentException>();
            source.TryGather(0, out batch).Should().BeTrue();
            batch.X.Should().Be(before);
        }
    }

    [Fact]
    public void A_source_that_does_not_know_its_number_tells_no_number()
    {
        var trainer = NewTrainer(4, 1, 5);
        var lines = new List<string>();
        trainer.Fit(1, told =>
        {
            told.Batches.Should().BeNull();
            lines.Add($"{told.Moment} {told.Batch} {told}");
        });
        lines.Should().HaveCount(7);
        lines[4].Should().MatchRegex(@"^BatchEnd 5 epoch 1/1, batch 5, loss \d");
        lines[5].Should().StartWith("EpochEnd 5 ");

        var (model, optimizer) = (trainer.Model, trainer.Optimizer);
        new Trainer<T>(model, trainer.Loss, optimizer, trainer.Training) { BatchScheduler = new OneCycleLR(optimizer, 0.1, 100) }.Invoking(t => t.Fit(1)).Should().Throw<InvalidOperationException>()
            .WithMessage("OneCycleLR steps once a batch and must know how many there are, but the training samples come without their number: where it is known, the source of batches can be told (SampleCount).");
        new Trainer<T>(model, trainer.Loss, optimizer, trainer.Training) { BatchScheduler = new ExponentialLR(optimizer, 0.9), Scheduler = new StepLR(optimizer, 1) }.Fit(1);

        var norm = new Sequential<T> { new BatchNorm1d<T>(Runs.Features), new Linear<T>(Runs.Features, Runs.Classes) };
        new Trainer<T>(norm, new CrossEntropyLoss<T>(), new SGD<T>(norm.Parameters, 0.1), new Noisy(5, new Generator(1))).Invoking(t => t.Fit(1)).Should().Throw<ArgumentException>()
            .WithMessage("0: BatchNorm1d(6) expects at least 2 samples in a batch, but the last batch may have 1, since the samples come without their number. Batches with dropLast: true are without it.");
    }

    public static TheoryData<string, Type, string> Misbehaviours => new()
    {
        { "ends early", typeof(InvalidOperationException), "Trainer expects 3 batches in an epoch, as their source says, but there are 1 in epoch 1." },
        { "nothing", typeof(ArgumentNullException), "*(Parameter 'x')" },
        { "no target", typeof(ArgumentNullException), "*(Parameter 'target')" },
        { "sparse", typeof(ArgumentException), "*expects a dense matrix, but x is *" },
        { "wide", typeof(ArgumentException), "*Linear(6 -> 3) expects 6 input columns, but x is 4x7.*" },
        { "weights", typeof(ArgumentException), "CrossEntropyLoss* expects whole samples, a weight for each, but prediction is 4x3 and there are 3 weights.*" },
        { "throws", typeof(NotImplementedException), "*" },
    };

    [Theory, MemberData(nameof(Misbehaviours))]
    public void What_a_source_gives_that_it_should_not_is_refused_before_the_step(string what, Type exception, string message)
    {
        var model = new Sequential<T> { new Linear<T>(Runs.Features, Runs.Classes, generator: new Generator(1)) };
        var trainer = new Trainer<T>(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1), new Misbehaving(what));
        var last = "";
        var thrown = Record.Exception(() => trainer.Fit(1, _ => last = Runs.Model(model)));
        thrown.Should().BeAssignableTo(exception);
        thrown!.Message.Should().Match(message);
        Runs.Model(model).Should().Be(last);
        trainer.Batch.Should().Be(1);
    }

    [Fact]
    public void A_source_without_a_state_cannot_be_kept()
    {
        var model = new Sequential<T> { new Linear<T>(Runs.Features, Runs.Classes) };
        new Trainer<T>(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1), new Misbehaving("")).Invoking(t => t.SaveCheckpoint(new MemoryStream()))
            .Should().Throw<InvalidOperationException>().WithMessage("Trainer expects a state of its training samples, but their source gives null.");
    }

    /// <summary>A source whose second batch is not what it should be.</summary>
    private sealed class Misbehaving(string what) : BatchSource<T>(4)
    {
        public override long? SampleCount => 12;

        public override void Shuffle() { }

        public override bool TryGather(int index, out Batch<T> batch, CancellationToken cancellation = default)
        {
            var samples = Runs.Samples<T>(4, 1);
            batch = new(samples.X, samples.Y);
            if (index == 0) return true;
            batch = what switch
            {
                "nothing" => default,
                "no target" => batch with { Y = null! },
                "sparse" => batch with { X = Matrix<T>.Build.Sparse(4, Runs.Features) },
                "wide" => batch with { X = Matrix<T>.Build.Dense(4, 7) },
                "weights" => batch with { Weights = Matrix<T>.Build.Dense(3, 1) },
                "throws" => throw new NotImplementedException(),
                _ => batch,
            };
            return what != "ends early";
        }

        public override IReadOnlyDictionary<string, long[]> GetState(int batch) => null!;

        public override void SetState(int batch, IReadOnlyDictionary<string, long[]> state) { }
    }

    /// <summary>A source as a user writes one: samples that are made up in each epoch anew, from a seed that <c>Shuffle</c> draws.</summary>
    private sealed class Noisy(int batchSize, Generator generator) : BatchSource<T>(batchSize, generator)
    {
        private long _seed;

        public override long? SampleCount => null;

        public override void Shuffle()
        {
            Span<double> seed = stackalloc double[1];
            Generator!.Uniform(seed, 0, 1L << 31);
            _seed = (long)seed[0];
        }

        public override bool TryGather(int index, out Batch<T> batch, CancellationToken cancellation = default)
        {
            var rows = Math.Min(BatchSize, Count - index * BatchSize);
            var x = Matrix<T>.Build.Dense(Math.Max(rows, 1), Runs.Features);
            new Generator(_seed + index).Uniform(x, -1, 1);
            batch = new(x, Matrix<T>.Build.Dense(x.RowCount, 1, (i, _) => x[i, 0] > T.Zero ? T.One : T.Zero));
            return rows > 0;
        }

        public override IReadOnlyDictionary<string, long[]> GetState(int batch) => new Dictionary<string, long[]> { ["seed"] = [_seed] };

        public override void SetState(int batch, IReadOnlyDictionary<string, long[]> state)
        {
            if (batch < 0 || !state.TryGetValue("seed", out var seed) || seed.Length != 1) throw new ArgumentException("Noisy expects a seed.", nameof(state));
            _seed = seed[0];
        }

        private new const int Count = 23;
    }
}

public sealed class BatchSourceDoubleTests : BatchSourceTests<double>;

public sealed class BatchSourceSingleTests : BatchSourceTests<float>;

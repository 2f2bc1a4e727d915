using System.Numerics;
using System.Numerics.Tensors;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>Trainings whose shards are run by several ranks: the same bits as by one.</summary>
public abstract class RanksTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static Trainer<T> Dense(ShardExchange exchange, int shards = 8, int accumulate = 1, int seed = 1)
    {
        var generator = new Generator(seed);
        var model = new Sequential<T>
        {
            { "hidden", new Linear<T>(Runs.Features, 7, generator: generator) }, { "norm", new BatchNorm1d<T>(7) }, { "activation", new GELU<T>() }, { "dropout", new Dropout<T>(0.3, new Generator(9)) },
            { "output", new Linear<T>(7, Runs.Classes, generator: generator) },
        };
        var optimizer = new AdamW<T>(model.Parameters, 0.02);
        return new(model, new CrossEntropyLoss<T>(), optimizer, new Batches<T>(Runs.Samples<T>(101, 5), 26, generator, dropLast: true))
        {
            Shards = shards,
            Exchange = exchange,
            GradientAccumulationSteps = accumulate,
            MaxGradientNorm = 0.4,
            Validation = Runs.Samples<T>(31, 8),
            Metrics = [new Accuracy<T>()],
            Scheduler = new ReduceLROnPlateau(optimizer, patience: 0),
            BatchScheduler = accumulate > 1 ? null : new OneCycleLR(optimizer, 0.05, 40),
            EarlyStopping = new(Patience: 2, RestoreBest: true),
        };
    }

    private static Trainer<T> Images(ShardExchange exchange)
    {
        var generator = new Generator(4);
        var first = new Conv2d<T>(new ImageShape(1, 6, 6), 3, 3, padding: 1, generator: generator);
        var pool = new MaxPool2d<T>(first.OutputShape, 2);
        var model = new Sequential<T> { first, new BatchNorm2d<T>(first.OutputShape), new ReLU<T>(), pool, new Linear<T>(pool.OutputShape.Columns, 3, generator: generator) };
        var x = Any.Matrix<T>(64, 36, 3);
        return new(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1, momentum: 0.9), new Batches<T>(x, Matrix<T>.Build.Dense(64, 1, (i, _) => T.CreateChecked(i % 3)), 32, generator)) { Shards = 8, Exchange = exchange };
    }

    private static Trainer<T> Sequences(ShardExchange exchange)
    {
        const int Steps = 4;
        var generator = new Generator(4);
        var model = new Sequential<T>
        {
            new Embedding<T>(11, 8, generator: generator), new PositionalEmbedding<T>(Steps, 8, generator: generator), new TransformerEncoderLayer<T>(8, 2, Steps, 16, dropout: 0.1, generator: generator), new Linear<T>(8, 11, generator: generator),
        };
        var x = Matrix<T>.Build.Dense(48 * Steps, 1, (i, _) => T.CreateChecked(i * 7 % 11));
        var y = Matrix<T>.Build.Dense(48 * Steps, 1, (i, _) => T.CreateChecked((i + 1) * 7 % 11));
        return new(model, new CrossEntropyLoss<T>(), new AdamW<T>(model.Parameters, 0.01), new Batches<T>(new Samples<T>(x, y, inputRows: Steps, targetRows: Steps), 16, generator)) { Shards = 8, Exchange = exchange };
    }

    public static TheoryData<string, Func<ShardExchange, Trainer<T>>> Trainings => new()
    {
        { "BatchNorm, Dropout, clipping, two schedulers, early stopping", exchange => Dense(exchange) }, { "accumulation", exchange => Dense(exchange, accumulate: 2) },
        { "images", Images }, { "sequences", Sequences },
    };

    private static string Trained(Trainer<T> trainer)
    {
        trainer.Fit(4);
        return $"{Runs.ModelState(trainer.Model)}\n{string.Join('\n', trainer.History.Epochs)}\n{trainer.EndReason}\n{Convert.ToHexString(trainer.Training.Generator!.GetState())}";
    }

    [Theory]
    [MemberData(nameof(Trainings))]
    public void Any_number_of_ranks_gives_the_bits_of_one(string name, Func<ShardExchange, Trainer<T>> build)
    {
        var alone = Trained(build(ShardExchange.Alone));
        foreach (var ranks in (int[])[1, 2, 4, 8])
            ThreadRanks.Run(ranks, exchange => Trained(build(exchange))).Should().AllBeEquivalentTo(alone, $"{name}, {ranks} ranks");
    }

    [Theory]
    [InlineData(3)]
    [InlineData(6)]
    public void Twelve_shards_are_shared_by_three_or_six(int ranks) =>
        ThreadRanks.Run(ranks, exchange => Trained(Dense(exchange, shards: 12))).Should().AllBeEquivalentTo(Trained(Dense(ShardExchange.Alone, shards: 12)));

    [Fact]
    public void A_checkpoint_of_four_ranks_goes_on_with_any_number()
    {
        var path = Path.GetTempFileName();
        try
        {
            var whole = Trained(Dense(ShardExchange.Alone));
            ThreadRanks.Run(4, exchange =>
            {
                var trainer = Dense(exchange);
                trainer.Fit(4, progress =>
                {
                    if ((progress.Epoch, progress.Batch) == (2, 2)) trainer.Stop();
                });
                trainer.SaveCheckpoint(path);
                return "saved";
            }).Should().AllBeEquivalentTo("saved");
            foreach (var ranks in (int[])[1, 2, 8])
            {
                ThreadRanks.Run(ranks, exchange =>
                {
                    var trainer = Dense(exchange);
                    trainer.LoadCheckpoint(path);
                    return Trained(trainer);
                }).Should().AllBeEquivalentTo(whole);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_loop_of_ones_own_has_the_bits_of_the_trainer_on_any_number_of_ranks()
    {
        object Train(ShardExchange exchange)
        {
            var (trainer, loss) = (Dense(ShardExchange.Alone), new CrossEntropyLoss<T>());
            var (model, pass) = (trainer.Model, trainer.Model.NewPass());
            var optimizer = new SGD<T>(model.Parameters, 0.1);
            var sharded = new ShardedGradients<T>(model, optimizer, 8, exchange);
            var samples = Runs.Samples<T>(24, 5);
            var losses = new List<LossTerm>();
            for (var step = 0; step < 5; step++)
            {
                losses.Add(sharded.Compute(new(samples.X, samples.Y), shard =>
                {
                    var yHat = model.Forward(shard.X, pass);
                    var count = T.CreateChecked(shard.X.RowCount);
                    model.AccumulateGradients(pass, loss.Backward(yHat, shard.Y) * count);
                    return new(double.CreateChecked(loss.Forward(yHat, shard.Y)) * shard.X.RowCount, shard.X.RowCount);
                }));
                optimizer.Step();
            }

            return $"{Runs.ModelState(model)} {string.Join(' ', losses)}";
        }

        var batch = Runs.Samples<T>(24, 5);
        var dense = Dense(ShardExchange.Alone);
        var twin = new Trainer<T>(dense.Model, new CrossEntropyLoss<T>(), new SGD<T>(dense.Model.Parameters, 0.1), new Batches<T>(batch, 24)) { Shards = 8 };
        for (var step = 0; step < 5; step++) twin.Step(batch.X, batch.Y);
        var alone = (string)Train(ShardExchange.Alone);
        alone.Should().StartWith(Runs.ModelState(twin.Model));
        foreach (var ranks in (int[])[2, 8]) ThreadRanks.Run(ranks, Train).Should().AllBeEquivalentTo(alone);
    }

    [Fact]
    public void A_gradient_that_is_not_finite_on_one_rank_is_refused_by_all_and_none_has_taken_the_step()
    {
        var samples = Runs.Samples<T>(24, 5);
        samples.X[23, 0] = T.NaN;
        var results = ThreadRanks.Run(4, exchange =>
        {
            var trainer = Dense(exchange);
            var before = Runs.ModelState(trainer.Model);
            var step = () => trainer.Step(samples.X, samples.Y);
            var refusal = step.Should().Throw<NotFiniteNumberException>().Which;
            Runs.ModelState(trainer.Model).Should().Be(before);
            trainer.Step(Runs.Samples<T>(24, 6).X, Runs.Samples<T>(24, 6).Y);
            return (refusal.Message, ShardExchange.IsEcho(refusal), Runs.ModelState(trainer.Model));
        });
        var told = results.Should().AllBeOfType<(string Message, bool Echo, string Model)>().Which.ToList();
        told.Select(one => one.Echo).Should().Equal(true, true, true, false);
        told[3].Message.Should().StartWith("The loss is NaN in epoch 1, batch 1, shard 8 of 8: ");
        told[0].Message.Should().Be("The loss or a gradient is NaN or infinite in epoch 1, batch 1, in a shard of another rank, which says where it began.");
        told.Select(one => one.Model).Distinct().Should().ContainSingle("the next step is the same on all");
    }

    [Fact]
    public void A_loss_of_several_terms_that_divide_differently_on_another_rank_is_refused()
    {
        var samples = Runs.Samples<T>(16, 5);
        var y = Matrix<T>.Build.Dense(16, 2, (i, j) => j == 0 ? samples.Y[i, 0] : samples.X[i, 0]);
        foreach (var row in (int[])[8, 9, 12, 13]) y[row, 0] = T.CreateChecked(-100);   // as many in each shard of one rank
        var results = ThreadRanks.Run(2, exchange =>
        {
            var model = new Sequential<T> { new Linear<T>(Runs.Features, 4, generator: new Generator(1)) };
            var loss = new CombinedLoss<T>(new("class", new CrossEntropyLoss<T>(), ..3, ..1), new("value", new MSELoss<T>(), 3.., 1..));
            return new Trainer<T>(model, loss, new SGD<T>(model.Parameters, 0.1), new Batches<T>(samples.X, y, 16)) { Shards = 4, Exchange = exchange }.Step(samples.X, y);
        });
        results.Should().AllBeOfType<InvalidOperationException>().Which.Should().AllSatisfy(one => one.Message.Should().Contain("over shards in which its terms divide by different numbers for each row"));
    }

    [Theory]
    [InlineData(8, 3, "Trainer expects each rank to run a power of two of the shards, a whole branch of the tree in which they are added, but there are 3 ranks for 8 shards: run it with 1 or 2 or 4 or 8.")]
    [InlineData(12, 4, "Trainer expects each rank to run a power of two of the shards, a whole branch of the tree in which they are added, but there are 4 ranks for 12 shards: run it with 1 or 3 or 6 or 12.")]
    [InlineData(1, 2, "Trainer expects each rank to run a power of two of the shards, a whole branch of the tree in which they are added, but there are 2 ranks for 1 shards.")]
    public void Ranks_that_cannot_have_a_whole_branch_each_are_refused(int shards, int ranks, string message)
    {
        foreach (var result in ThreadRanks.Run(ranks, exchange => Dense(exchange, shards).Fit(1))) result.Should().BeOfType<InvalidOperationException>().Which.Message.Should().Be(message);
    }

    [Fact]
    public void A_last_batch_smaller_than_the_shards_is_refused_before_the_epoch()
    {
        var samples = Runs.Samples<T>(20, 5);
        var results = ThreadRanks.Run(2, exchange =>
        {
            var model = new Sequential<T> { new Linear<T>(Runs.Features, Runs.Classes, generator: new Generator(1)) };
            return new Trainer<T>(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1), new Batches<T>(samples, 8)) { Shards = 8, Exchange = exchange }.Fit(1);
        });
        foreach (var result in results) result.Should().BeOfType<ArgumentException>().Which.Message.Should().StartWith("Trainer expects at least 8 samples in a batch, one for each shard, but the last of 20 samples in batches of 8 has 4.");
    }

    [Fact]
    public void Ranks_of_different_seeds_are_refused_before_the_first_step()
    {
        foreach (var result in ThreadRanks.Run(4, exchange => Dense(exchange, seed: exchange.Rank == 2 ? 5 : 1).Fit(1)))
            result.Should().BeOfType<InvalidOperationException>().Which.Message.Should().Be("rank 2 differs: parameters, generator 0");
    }

    public static TheoryData<string, Action<TrainingProgress<T>>, string> Drifts => new()
    {
        { "a weight", progress => At(progress, 2, () => progress.Trainer.Model.Parameters[0].Values[0] += T.One), "*parameter hidden.weight*" },
        { "weights that change places", progress => At(progress, 2, () => (progress.Trainer.Model.Parameters[0].Values[0], progress.Trainer.Model.Parameters[0].Values[1]) = (progress.Trainer.Model.Parameters[0].Values[1], progress.Trainer.Model.Parameters[0].Values[0])), "*parameter hidden.weight*" },
        { "weights of the other sign", progress => At(progress, 2, () => TensorPrimitives.Negate(progress.Trainer.Model.Parameters[0].Values, progress.Trainer.Model.Parameters[0].Values)), "*parameter hidden.weight*" },
        { "the last bit of a bias", progress => At(progress, 1, () => { ref var bias = ref progress.Trainer.Model.Parameters[^1].Values[0]; bias = T.BitIncrement(bias); }), "*parameter output.bias*" },
        { "a learning rate", progress => At(progress, 2, () => progress.Trainer.Optimizer.LearningRate *= 2), "*optimizer groups.0.lr*" },
        { "a running mean", progress => At(progress, 2, () => progress.Trainer.Model.NamedBuffers().First().Buffer.Values[0] += T.One), "*buffer norm.running_mean*" },
        { "a count of batches", progress => At(progress, 2, () => ((BatchNorm1d<T>)((Sequential<T>)progress.Trainer.Model)["norm"]).NumBatchesTracked!.Value++), "*buffer norm.num_batches_tracked*" },
        { "momenta when all is over", progress => { if (progress.Moment == TrainingMoment.End) Shift(progress.Trainer.Optimizer); }, "*optimizer 0.exp_avg*" },
        { "weight decay when all is over", progress => { if (progress.Moment == TrainingMoment.End) progress.Trainer.Optimizer.Groups[0].WeightDecay = 0.5; }, "*optimizer groups.0.weight_decay*" },
        { "a frozen mean when all is over", progress => { if (progress.Moment == TrainingMoment.End) progress.Trainer.Model.NamedBuffers().First().Buffer.Frozen = true; }, "*frozen*" },
        { "a draw of Dropout", progress => At(progress, 2, () => progress.Trainer.Model.Generators.Last().Permutation(2)), "*generator*" },
        { "a draw of the samples' order", progress => At(progress, 2, () => progress.Trainer.Training.Generator!.Permutation(2)), "*generator*" },
        { "a weight when all is over", progress => { if (progress.Moment == TrainingMoment.End) progress.Trainer.Model.Parameters[0].Values[0] += T.One; }, "*parameter hidden.weight*" },
    };

    private static void Shift(Optimizer<T> optimizer)
    {
        var state = optimizer.GetState();
        state.Arrays["0.exp_avg"][0] += T.One;
        optimizer.SetState(state);
    }

    private static void At(TrainingProgress<T> progress, int batch, Action change)
    {
        if (progress is { Moment: TrainingMoment.BatchEnd, Epoch: 1 } && progress.Batch == batch) change();
    }

    /// <summary>Sums over ranks would hide it: each goes on with gradients of all, and a model of its own.</summary>
    [Theory]
    [MemberData(nameof(Drifts))]
    public void A_rank_that_is_changed_alone_is_found_out_by_all(string what, Action<TrainingProgress<T>> change, string difference)
    {
        foreach (var ranks in (int[])[2, 4])
        {
            var results = ThreadRanks.Run(ranks, exchange => Dense(exchange).Fit(3, progress =>
            {
                if (exchange.Rank == ranks - 1) change(progress);
            }));
            foreach (var result in results) result.Should().BeOfType<InvalidOperationException>(what).Which.Message.Should().Match($"rank {ranks - 1} differs: {difference}", what);
        }
    }

    /// <summary>One parameter is compared a step, in its turn; a checkpoint compares all.</summary>
    [Fact]
    public void A_loop_of_ones_own_finds_a_weight_that_was_changed_on_one_rank_within_as_many_steps_as_there_are_parameters()
    {
        for (var changed = 0; changed < 6; changed++)
        {
            var at = changed;
            var results = ThreadRanks.Run(4, exchange =>
            {
                var dense = Dense(ShardExchange.Alone);
                var (model, pass, loss, steps) = (dense.Model, dense.Model.NewPass(), new CrossEntropyLoss<T>(), 0);
                var sharded = new ShardedGradients<T>(model, new SGD<T>(model.Parameters, 0.1), 8, exchange);
                var samples = Runs.Samples<T>(24, 5);
                void Step() => sharded.Compute(new(samples.X, samples.Y), shard =>
                {
                    model.AccumulateGradients(pass, loss.Backward(model.Forward(shard.X, pass), shard.Y));
                    return new(1, 1);
                });
                for (; steps < 3; steps++) Step();
                sharded.RequireSame("the middle");
                if (exchange.Rank == 1) model.Parameters[at].Values[0] += T.One;
                try
                {
                    for (; steps < 20; steps++) Step();
                }
                catch (InvalidOperationException exception)
                {
                    return (steps, exception.Message);
                }

                return (steps, "nothing");
            });
            foreach (var result in results)
            {
                var (steps, message) = result.Should().BeOfType<(int, string)>().Which;
                steps.Should().BeInRange(3, 3 + 5);
                message.Should().Match("rank 1 differs: parameter *");
            }
        }
    }

    [Theory]
    [InlineData("other samples", "rank 1 differs: batch")]
    [InlineData("another order", "rank 1 differs: batch")]
    [InlineData("a target", "rank 1 differs: batch")]
    [InlineData("a step more", "rank 1 differs: step")]
    public void A_loop_of_ones_own_that_takes_something_else_on_one_rank_is_refused_by_all(string what, string message)
    {
        var results = ThreadRanks.Run(2, exchange =>
        {
            var (model, loss) = (Dense(ShardExchange.Alone).Model, new CrossEntropyLoss<T>());
            var (pass, samples) = (model.NewPass(), Runs.Samples<T>(24, exchange.Rank == 1 && what == "other samples" ? 6 : 5));
            var sharded = new ShardedGradients<T>(model, new SGD<T>(model.Parameters, 0.1), 8, exchange);
            if (exchange.Rank == 1 && what == "another order")
            {
                foreach (var matrix in (Matrix<T>[])[samples.X, samples.Y]) matrix.PermuteRows(new MathNet.Numerics.Permutation([.. Enumerable.Range(0, 24).Select(i => 23 - i)]));
            }

            if (exchange.Rank == 1 && what == "a target") samples.Y[23, 0] = samples.Y[23, 0] == T.Zero ? T.One : T.Zero;
            var fails = exchange.Rank == 1 && what == "a step more";
            void Step() => sharded.Compute(new(samples.X, samples.Y), shard =>
            {
                if (fails) throw new NotSupportedException();
                model.AccumulateGradients(pass, loss.Backward(model.Forward(shard.X, pass), shard.Y));
                return new(1, 1);
            });
            if (fails)
            {
                FluentActions.Invoking(Step).Should().Throw<NotSupportedException>();
                fails = false;
            }

            Step();
            return "taken";
        });
        foreach (var result in results) result.Should().BeOfType<InvalidOperationException>().Which.Message.Should().Be(message);
    }

    [Fact]
    public void Ranks_of_which_one_has_frozen_something_are_refused_before_the_first_step()
    {
        foreach (var result in ThreadRanks.Run(2, exchange =>
        {
            var trainer = Dense(exchange);
            if (exchange.Rank == 1) trainer.Model.NamedBuffers().First().Buffer.Frozen = true;
            return trainer.Fit(1);
        })) result.Should().BeOfType<InvalidOperationException>().Which.Message.Should().Be("rank 1 differs: frozen");
    }

    [Fact]
    public void A_loop_of_ones_own_may_ask_whether_ranks_are_the_same()
    {
        var results = ThreadRanks.Run(2, exchange =>
        {
            var model = Dense(ShardExchange.Alone).Model;
            var sharded = new ShardedGradients<T>(model, new SGD<T>(model.Parameters, 0.1), 8, exchange);
            if (exchange.Rank == 1) model.Parameters[^1].Values[^1] += T.One;
            sharded.RequireSame("saving the model");
            return "the same";
        });
        foreach (var result in results) result.Should().BeOfType<InvalidOperationException>().Which.Message.Should().Be("rank 1 differs: parameter output.bias");
    }

    [Fact]
    public void A_checkpoint_that_cannot_be_written_is_told_to_all_ranks_which_may_go_on()
    {
        var results = ThreadRanks.Run(4, exchange =>
        {
            var trainer = Dense(exchange);
            trainer.Fit(1);
            var save = () => trainer.SaveCheckpoint(Path.Combine(Path.GetTempPath(), "no such directory", "a.safetensors"));
            var failure = save.Should().Throw<IOException>().Which;
            return (ShardExchange.IsEcho(failure), Trained(trainer));
        });
        var told = results.Should().AllBeOfType<(bool Echo, string Trained)>().Which.ToList();
        told.Select(one => one.Echo).Should().Equal(false, true, true, true);
        told.Select(one => one.Trained).Should().AllBe(Trained(Dense(ShardExchange.Alone)));
    }

    [Fact]
    public void A_step_is_one_exchange_and_allocates_nothing()
    {
        var samples = Runs.Samples<T>(24, 5);
        var trainer = Dense(new Twins());
        for (var i = 0; i < 3; i++) trainer.Step(samples.X, samples.Y);
        var sums = ((Twins)trainer.Exchange).Sums;
        Allocation.Least(() => trainer.Step(samples.X, samples.Y)).Should().Be(0);
        (((Twins)trainer.Exchange).Sums - sums).Should().BeInRange(1, 5, "each step is one exchange, and it takes at most five tries");
    }

    /// <summary>A model that one rank makes alone, to export or to compare, is nobody else's business: where what is added moved, that rank would compare while the others add.</summary>
    [Fact]
    public void What_ranks_add_stays_where_it_is_when_another_model_is_made()
    {
        var (samples, twins) = (Runs.Samples<T>(24, 5), new Twins());
        var trainer = Dense(twins);
        trainer.Step(samples.X, samples.Y);
        var before = twins.Last;
        _ = new Linear<T>(2, 2);
        trainer.Step(samples.X, samples.Y);
        twins.Last.Should().BeSameAs(before);
    }

    /// <summary>The first of two ranks, of which the other gives the same.</summary>
    private sealed class Twins : ShardExchange
    {
        public int Sums { get; private set; }

        public object? Last { get; private set; }

        public override int Rank => 0;

        public override int Ranks => 2;

        public override void Sum<TNumber>(ShardSums<TNumber> sums)
        {
            Sums++;
            Last = sums;
            TensorPrimitives.Add(sums.Totals, sums.Totals, sums.Totals);
        }

        public override void RequireSame(IReadOnlyDictionary<string, string> facts) => ArgumentNullException.ThrowIfNull(facts);

        public override void OnFirst(string what, Action action) => action();
    }
}

public sealed class RanksDoubleTests : RanksTests<double>;

public sealed class RanksSingleTests : RanksTests<float>;

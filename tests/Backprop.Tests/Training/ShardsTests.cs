using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

public abstract class ShardsTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static double Tolerance => typeof(T) == typeof(double) ? 1e-12 : 1e-5;

    private static Sequential<T> Model(int seed = 3, double dropout = 0)
    {
        var generator = new Generator(seed);
        return new()
        {
            { "hidden", new Linear<T>(Runs.Features, 5, generator: generator) }, { "activation", new Tanh<T>() }, { "dropout", new Dropout<T>(dropout, new Generator(seed + 1)) },
            { "output", new Linear<T>(5, Runs.Classes, generator: generator) },
        };
    }

    private static Trainer<T> Build(Layer<T> model, Samples<T> samples, int batchSize, int shards, Loss<T>? loss = null, int accumulate = 1) =>
        new(model, loss ?? new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.3, momentum: 0.9), new Batches<T>(samples, batchSize)) { Shards = shards, GradientAccumulationSteps = accumulate };

    private static void Same(Layer<T> a, Layer<T> b)
    {
        foreach (var (one, other) in a.Parameters.Zip(b.Parameters))
            for (var i = 0; i < one.Count; i++) double.CreateChecked(one.Values[i]).Should().BeApproximately(double.CreateChecked(other.Values[i]), Tolerance);
    }

    private static Matrix<T> Part(Matrix<T> x, int shard, int shards) => x.SubMatrix(shard * x.RowCount / shards, ((shard + 1) * x.RowCount / shards) - (shard * x.RowCount / shards), 0, x.ColumnCount);

    private static T[] Tree(T[][] leaves)
    {
        if (leaves.Length == 1) return leaves[0];
        var half = (int)BitOperations.RoundUpToPowerOf2((uint)leaves.Length) / 2;
        T[] left = Tree(leaves[..half]), right = Tree(leaves[half..]);
        return [.. left.Zip(right, (a, b) => a + b)];
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-2)]
    public void A_number_of_shards_below_1_is_refused(int shards)
    {
        var build = () => Build(Model(), Runs.Samples<T>(20, 5), 4, shards);
        build.Should().Throw<ArgumentOutOfRangeException>().WithMessage("Trainer expects Shards to be at least 1.*");
    }

    [Theory]
    [InlineData(3)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(8)]
    [InlineData(12)]
    public void Their_gradients_are_added_as_a_balanced_tree_bit_for_bit(int shards)
    {
        var (model, twin, samples, loss) = (Model(), Model(), Runs.Samples<T>(21, 5), new CrossEntropyLoss<T>());
        var trainer = Build(model, samples, 21, shards);
        var value = trainer.Step(samples.X, samples.Y);

        var pass = twin.NewPass();
        var gradients = twin.Parameters.Select(_ => new T[shards][]).ToArray();
        var (losses, rows) = (new double[shards], new double[shards]);
        for (var shard = 0; shard < shards; shard++)
        {
            Matrix<T> x = Part(samples.X, shard, shards), y = Part(samples.Y, shard, shards);
            foreach (var parameter in twin.Parameters) parameter.ZeroGradient();
            var yHat = twin.Forward(x, pass);
            (rows[shard], losses[shard]) = (x.RowCount, double.CreateChecked(loss.Forward(yHat, y)) * x.RowCount);
            twin.AccumulateGradients(pass, loss.Backward(yHat, y) * T.CreateChecked(x.RowCount));
            foreach (var (i, parameter) in twin.Parameters.Index()) gradients[i][shard] = parameter.Gradients.ToArray();
        }

        foreach (var (i, parameter) in model.Parameters.Index())
            parameter.Gradients.ToArray().Should().Equal(Tree(gradients[i]).Select(sum => sum / T.CreateChecked(21)), $"{parameter}");
        value.Should().Be(T.CreateTruncating(Sum(losses) / 21));

        static double Sum(double[] leaves)
        {
            var half = (int)BitOperations.RoundUpToPowerOf2((uint)leaves.Length) / 2;
            return leaves.Length == 1 ? leaves[0] : Sum(leaves[..half]) + Sum(leaves[half..]);
        }
    }

    public static TheoryData<string, Func<Loss<T>>> Losses => AccumulationTests<T>.Losses;

    [Theory]
    [MemberData(nameof(Losses))]
    public void Up_to_rounding_a_batch_in_shards_is_the_batch(string name, Func<Loss<T>> loss)
    {
        var (whole, parts, samples) = (Model(), Model(), Runs.Samples<T>(22, 5));
        var one = Build(whole, samples, 11, 1, loss());
        var other = Build(parts, samples, 11, 4, loss());
        one.Fit(4);
        other.Fit(4);
        Same(parts, whole);
        other.History.Epochs[^1].TrainingLoss.Should().BeApproximately(one.History.Epochs[^1].TrainingLoss, Tolerance * 10, name);
    }

    [Fact]
    public void One_shard_is_bit_for_bit_the_training_without()
    {
        Sequential<T> with = Model(dropout: 0.3), without = Model(dropout: 0.3);
        Build(with, Runs.Samples<T>(22, 5), 4, 1).Fit(3);
        var trainer = new Trainer<T>(without, new CrossEntropyLoss<T>(), new SGD<T>(without.Parameters, 0.3, momentum: 0.9), new Batches<T>(Runs.Samples<T>(22, 5), 4));
        trainer.Fit(3);
        Runs.Model(with).Should().Be(Runs.Model(without));
    }

    [Fact]
    public void Any_number_of_threads_gives_the_same_bits()
    {
        var bits = Enumerable.Range(0, 4).Select(power =>
        {
            using var threads = Threads.Of(1 << power);
            var generator = new Generator(3);
            var model = new Sequential<T> { new Linear<T>(Runs.Features, 300, generator: generator), new GELU<T>(), new Linear<T>(300, 300, generator: generator), new BatchNorm1d<T>(300), new Linear<T>(300, Runs.Classes, generator: generator) };
            Build(model, Runs.Samples<T>(600, 5), 200, 4).Fit(1);
            return Runs.Model(model);
        });
        bits.Distinct().Should().ContainSingle();
    }

    [Fact]
    public void Accumulated_batches_in_shards_are_one_batch_of_all_their_rows()
    {
        var (whole, parts, samples) = (Model(), Model(), Runs.Samples<T>(22, 5));
        Build(whole, samples, 12, 1).Fit(4);
        Build(parts, samples, 4, 2, accumulate: 3).Fit(4);
        Same(parts, whole);
    }

    [Fact]
    public void A_shard_in_which_nothing_counts_adds_nothing()
    {
        var (whole, parts, samples) = (Model(), Model(), Runs.Samples<T>(16, 5));
        foreach (var row in (int[])[4, 5, 6, 7, 9]) samples.Y[row, 0] = T.CreateChecked(-100);
        var (one, other) = (Build(whole, samples, 16, 1), Build(parts, samples, 16, 4));
        one.Fit(3);
        other.Fit(3);
        Same(parts, whole);
        other.History.Epochs[^1].TrainingLoss.Should().BeApproximately(one.History.Epochs[^1].TrainingLoss, Tolerance);

        samples.Y.Clear();
        samples.Y.Subtract(T.CreateChecked(100), samples.Y);
        var before = Runs.Model(parts);
        other.Step(samples.X, samples.Y).Should().Be(T.Zero);
        Runs.Model(parts).Should().Be(before);
    }

    [Fact]
    public void Samples_that_weigh_differently_and_have_several_rows_stay_whole()
    {
        var (x, y, weights) = (Any.Matrix<T>(24, Runs.Features, 1), Any.Matrix<T>(24, 3, 2), Matrix<T>.Build.Dense(12, 1, (i, _) => T.CreateChecked(i % 4)));
        var samples = new Samples<T>(x, y, inputRows: 2, targetRows: 2, weights: weights);
        Sequential<T> whole = Model(), parts = Model();
        Build(whole, samples, 6, 1, new MSELoss<T>()).Fit(3);
        Build(parts, samples, 6, 4, new MSELoss<T>()).Fit(3);
        Same(parts, whole);
    }

    [Fact]
    public void Running_statistics_are_the_mean_of_the_shards_and_a_counter_counts_a_step()
    {
        var model = new Sequential<T> { { "norm", new BatchNorm1d<T>(Runs.Features) }, { "output", new Linear<T>(Runs.Features, Runs.Classes) } };
        var samples = Runs.Samples<T>(16, 5);
        var trainer = Build(model, samples, 16, 4);
        trainer.Step(samples.X, samples.Y);
        var norm = model.Get<BatchNorm1d<T>>("norm");
        var (mean, variance) = (new T[4][], new T[4][]);
        for (var shard = 0; shard < 4; shard++)
        {
            var alone = new BatchNorm1d<T>(Runs.Features);
            alone.Forward(Part(samples.X, shard, 4), alone.NewPass());
            (mean[shard], variance[shard]) = (alone.RunningMean!.Values.ToArray(), alone.RunningVar!.Values.ToArray());
        }

        norm.RunningMean!.Values.ToArray().Should().Equal(Tree(mean).Select(sum => sum / T.CreateChecked(4)));
        norm.RunningVar!.Values.ToArray().Should().Equal(Tree(variance).Select(sum => sum / T.CreateChecked(4)));
        norm.NumBatchesTracked!.Value.Should().Be(1);
        trainer.Step(samples.X, samples.Y);
        norm.NumBatchesTracked!.Value.Should().Be(2);
    }

    [Fact]
    public void Each_generator_draws_one_seed_a_step_and_each_shard_draws_from_one_of_its_own()
    {
        // Two layers that share a generator: the second goes on where the first ends, in each shard.
        var generator = new Generator(9);
        var model = new Sequential<T> { { "first", new Dropout<T>(0.5, generator) }, { "second", new Dropout<T>(0.5, generator) }, { "output", new Linear<T>(8, 1) } };
        Matrix<T> x = Matrix<T>.Build.Dense(8, 8, T.One), y = Matrix<T>.Build.Dense(8, 1);
        var masks = new List<Matrix<T>>();
        Trainer<T>? trainer = null;
        trainer = new Trainer<T>(model, new Watch(new MSELoss<T>(), () => masks.Add(trainer!.Pass["second"].Output.Clone())), new SGD<T>(model.Parameters, 0.1), new Batches<T>(new Samples<T>(x, y), 8)) { Shards = 4 };
        var twin = new Generator(9);
        for (var step = 0; step < 2; step++)
        {
            masks.Clear();
            trainer.Step(x, y);
            var seed = BitConverter.GetBytes(twin.DrawSeed());
            masks.Should().HaveCount(4);
            for (var shard = 0; shard < 4; shard++)
            {
                var engine = new MersenneTwister(0);
                engine.Seed([BitConverter.ToUInt32(seed, 0), BitConverter.ToUInt32(seed, 4), (uint)shard]);
                var drawn = new Generator(0);
                drawn.Exchange(new(0, engine, null));
                Matrix<T> first = Matrix<T>.Build.Dense(2, 8), second = Matrix<T>.Build.Dense(2, 8);
                drawn.Bernoulli(first, 0.5);
                drawn.Bernoulli(second, 0.5);
                (masks[shard] - (first.PointwiseMultiply(second) * T.CreateChecked(4))).FrobeniusNorm().Should().Be(0);
            }

            masks.Distinct().Should().HaveCount(4);
            generator.GetState().Should().Equal(twin.GetState());
        }
    }

    [Fact]
    public void A_frozen_layer_and_a_parameter_left_out_stay_as_they_are()
    {
        var model = Model();
        model["hidden"].Freeze();
        var before = Runs.Model(model["hidden"]);
        Build(model, Runs.Samples<T>(20, 5), 4, 2).Fit(2);
        Runs.Model(model["hidden"]).Should().Be(before);
    }

    [Fact]
    public void Interrupted_and_resumed_it_gives_the_same_bits()
    {
        Trainer<T> New(Sequential<T> model) => new(model, new CrossEntropyLoss<T>(), new Adam<T>(model.Parameters, 0.01), new Batches<T>(Runs.Samples<T>(44, 5), 8, new Generator(2))) { Shards = 4, GradientAccumulationSteps = 2 };
        var (model, undisturbed) = (Model(dropout: 0.2), Model(dropout: 0.2));
        New(undisturbed).Fit(3);
        var trainer = New(model);
        for (var stop = 1; trainer.Epoch < 3; stop++)
        {
            var taken = 0;
            trainer.Fit(3, progress =>
            {
                if (progress.Moment == TrainingMoment.BatchEnd && ++taken == stop) progress.Stop();
            });
            using var file = new MemoryStream();
            trainer.SaveCheckpoint(file);
            file.Position = 0;
            model = Model(seed: 8, dropout: 0.2);
            trainer = New(model);
            trainer.LoadCheckpoint(file);
        }

        Runs.Model(model).Should().Be(Runs.Model(undisturbed));
    }

    [Fact]
    public void Another_number_of_shards_is_another_training_unless_that_is_allowed()
    {
        var trainer = Build(Model(), Runs.Samples<T>(20, 5), 4, 2);
        trainer.Fit(1);
        using var file = new MemoryStream();
        trainer.SaveCheckpoint(file);
        var other = Build(Model(), Runs.Samples<T>(20, 5), 4, 4);
        file.Position = 0;
        var load = () => other.LoadCheckpoint(file);
        load.Should().Throw<InvalidDataException>().WithMessage("*shards: 2 there, 4 here; ResumeChanges.BatchSize allows it*");
        file.Position = 0;
        other.LoadCheckpoint(file, ResumeChanges.BatchSize).Should().Be(ResumeChanges.BatchSize);
    }

    [Fact]
    public void A_batch_without_a_sample_for_each_shard_is_refused_before_the_first_step()
    {
        var model = Model();
        var before = Runs.Model(model);
        var fit = () => Build(model, Runs.Samples<T>(19, 5), 8, 4).Fit(1);
        fit.Should().Throw<ArgumentException>().WithMessage("Trainer expects at least 4 samples in a batch, one for each shard, but the last of 19 samples in batches of 8 has 3. Batches with dropLast: true, or of another size, are without it.");
        Runs.Model(model).Should().Be(before);
        var step = () => Build(model, Runs.Samples<T>(19, 5), 8, 4).Step(Any.Matrix<T>(3, Runs.Features, 1), Matrix<T>.Build.Dense(3, 1));
        step.Should().Throw<ArgumentException>().WithMessage("Trainer expects a whole sample for each of 4 shards, but x is 3x6 and y is 3x1.*");
    }

    [Fact]
    public void A_batch_that_cannot_give_each_shard_the_rows_that_a_layer_needs_is_refused_before_the_first_step()
    {
        var model = new Sequential<T> { { "norm", new BatchNorm1d<T>(Runs.Features) }, { "output", new Linear<T>(Runs.Features, Runs.Classes) } };
        var fit = () => Build(model, Runs.Samples<T>(23, 5), 8, 4).Fit(1);
        fit.Should().Throw<ArgumentException>().WithMessage("norm: BatchNorm1d(6) expects at least 2 samples in each of 4 shards of a batch, but the last of 23 samples in batches of 8 has 7.*");
        Build(model, Runs.Samples<T>(24, 5), 8, 4).Fit(1);
    }

    [Fact]
    public void What_goes_wrong_in_a_shard_is_said_with_its_place_and_leaves_the_model_as_the_last_whole_step_left_it()
    {
        var generator = new Generator(9);
        var model = new Sequential<T> { { "norm", new BatchNorm1d<T>(Runs.Features) }, { "dropout", new Dropout<T>(0.5, generator) }, { "output", new Linear<T>(Runs.Features, Runs.Classes) } };
        var samples = Runs.Samples<T>(16, 5);
        var trainer = Build(model, samples, 8, 4);
        trainer.Fit(1);
        var before = Runs.Model(model);
        var twin = new Generator(0);
        twin.SetState(generator.GetState());
        samples.X[13, 1] = T.NaN;       // batch 2, shard 3
        trainer.Step(samples.X.SubMatrix(0, 8, 0, Runs.Features), samples.Y.SubMatrix(0, 8, 0, 1));
        twin.DrawSeed();
        before = Runs.Model(model);
        var step = () => trainer.Step(samples.X.SubMatrix(8, 8, 0, Runs.Features), samples.Y.SubMatrix(8, 8, 0, 1));
        step.Should().Throw<NotFiniteNumberException>().WithMessage("The loss is NaN in epoch 2, batch 1, shard 3 of 4: the inputs have such values.");
        Runs.Model(model).Should().Be(before);
        generator.GetState().Should().Equal(twin.GetState());

        // And what was added of that batch is forgotten.
        var other = new Sequential<T> { { "norm", new BatchNorm1d<T>(Runs.Features) }, { "dropout", new Dropout<T>(0.5, twin) }, { "output", new Linear<T>(Runs.Features, Runs.Classes) } };
        model.CopyTo(other);
        var fresh = new Trainer<T>(other, trainer.Loss, new SGD<T>(other.Parameters, 0.3, momentum: 0.9), trainer.Training) { Shards = 4 };
        fresh.Optimizer.SetState(trainer.Optimizer.GetState());
        samples = Runs.Samples<T>(16, 6);
        trainer.Step(samples.X, samples.Y).Should().Be(fresh.Step(samples.X, samples.Y));
        Runs.Model(model).Should().Be(Runs.Model(other));
    }

    [Fact]
    public void Terms_whose_divisors_do_not_keep_step_are_refused()
    {
        var loss = new CombinedLoss<T>(new("kind", new CrossEntropyLoss<T>(ignoreIndex: 1), 0..2, 0..1), new("size", new MSELoss<T>(), 2..3, 1..2));
        var x = Any.Matrix<T>(8, Runs.Features, 1);
        var y = Matrix<T>.Build.Dense(8, 2, (i, j) => T.CreateChecked(i < 3 && j == 0 ? 1 : 0));
        var step = () => Build(Model(), new Samples<T>(x, y), 8, 2, loss).Step(x, y);
        step.Should().Throw<InvalidOperationException>().WithMessage("*over shards in which its terms divide by different numbers for each row*");
        y.Clear();
        Sequential<T> whole = Model(), parts = Model();
        Build(whole, new Samples<T>(x, y), 8, 1, loss).Fit(2);
        Build(parts, new Samples<T>(x, y), 8, 2, loss).Fit(2);
        Same(parts, whole);
    }

    [Fact]
    public void Layers_that_join_later_are_followed()
    {
        var model = new Sequential<T> { { "first", new Linear<T>(Runs.Features, Runs.Classes) } };
        var optimizer = new SGD<T>(model.Parameters, 0.1);
        var trainer = new Trainer<T>(model, new CrossEntropyLoss<T>(), optimizer, new Batches<T>(Runs.Samples<T>(16, 5), 8)) { Shards = 4 };
        trainer.Fit(1);
        model.Add("norm", new BatchNorm1d<T>(Runs.Classes));
        optimizer.AddGroup(new SGDGroup<T>(model["norm"].Parameters) { LearningRate = 0.1 });
        trainer.Fit(2);
        model.Get<BatchNorm1d<T>>("norm").NumBatchesTracked!.Value.Should().Be(2);
        model.Get<BatchNorm1d<T>>("norm").Weight!.Values.ToArray().Should().NotEqual(Enumerable.Repeat(T.One, Runs.Classes));
    }

    [Fact]
    public void A_step_allocates_nothing()
    {
        var model = new Sequential<T> { new Linear<T>(Runs.Features, 5), new BatchNorm1d<T>(5), new Dropout<T>(0.2, new Generator(1)), new Linear<T>(5, Runs.Classes) };
        var samples = Runs.Samples<T>(19, 5);
        var trainer = Build(model, samples, 19, 4);     // shards of 4 and 5
        Allocation.Least(() => trainer.Step(samples.X, samples.Y)).Should().Be(0);
    }

    /// <summary>Says when it is asked.</summary>
    private sealed class Watch(Loss<T> loss, Action asked) : Loss<T>
    {
        protected override void Check(Matrix<T> prediction, Matrix<T> target) { }

        protected override T ForwardCore(Matrix<T> prediction, Matrix<T> target)
        {
            asked();
            return loss.Forward(prediction, target);
        }

        protected override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction) => loss.Backward(prediction, target, dPrediction);
    }
}

public sealed class ShardsDoubleTests : ShardsTests<double>;

public sealed class ShardsSingleTests : ShardsTests<float>;

public sealed class MersenneTwisterTests
{
    // The first numbers of mt19937ar.out, which Matsumoto and Nishimura's program prints.
    [Fact]
    public void A_seed_of_several_words_gives_the_numbers_of_its_authors()
    {
        var engine = new MersenneTwister(1);
        engine.Next32();
        engine.Seed([0x123, 0x234, 0x345, 0x456]);
        Enumerable.Range(0, 5).Select(_ => engine.Next32()).Should().Equal(1067595299u, 955945823u, 477289528u, 4107218783u, 4228976476u);
    }

    [Fact]
    public void Seeds_that_differ_in_one_word_give_other_numbers()
    {
        var drawn = new List<uint>();
        foreach (var seed in (uint[][])[[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
        {
            var engine = new MersenneTwister(0);
            engine.Seed(seed);
            drawn.Add(engine.Next32());
        }

        drawn.Should().OnlyHaveUniqueItems();
    }
}

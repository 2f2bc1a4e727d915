using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>Sequences of different lengths in training: the model is told, and where there is a target for each step, loss and metrics see the steps that are there.</summary>
public abstract class LengthsTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private const int Steps = 4, Count = 22, Inputs = 2, Classes = 3;
    private static readonly double Tolerance = typeof(T) == typeof(double) ? 1e-12 : 2e-5;
    private static readonly int[] Lengths = [.. Enumerable.Range(0, Count).Select(n => 1 + n * 7 % Steps)];

    public static TheoryData<Loss<T>> Losses =>
    [
        new CrossEntropyLoss<T>(), new CrossEntropyLoss<T>(LossCases.Weights<T>(Classes, 1), ignoreIndex: 2), new CrossEntropyLoss<T>(reduction: Reduction.Sum), new MSELoss<T>(),
        new CombinedLoss<T>(new LossPart<T>("a", new MSELoss<T>(), ..1, ..1), new LossPart<T>("b", new HuberLoss<T>(), 1.., 1..)),
    ];

    [Theory, MemberData(nameof(Losses), DisableDiscoveryEnumeration = true)]
    public void The_loss_of_each_step_is_that_of_the_steps_that_are_there_in_training_validation_chunks_shards_and_accumulation(Loss<T> loss)
    {
        var samples = Samples(loss, ofEachStep: true);
        var (model, real) = (Model(pooled: false), Real());
        var prediction = Forward(model, samples);
        var whole = double.CreateChecked(loss.Forward(Rows(prediction, real), Rows(samples.Y, real)));
        foreach (var (shards, accumulation) in ((int, int)[])[(1, 1), (2, 1), (1, 2)])
        {
            // Terms that divide by different numbers cannot be accumulated; these divide alike.
            var trainer = new Trainer<T>(model, loss, new SGD<T>(model.Parameters, 0), new(samples, 6, new Generator(1))) { Validation = samples, Shards = shards, GradientAccumulationSteps = accumulation };
            var result = trainer.Fit(1).Epochs[0];
            result.TrainingLoss.Should().BeApproximately(whole, Tolerance * Math.Abs(whole));
            result.ValidationLoss.Should().BeApproximately(whole, Tolerance * Math.Abs(whole));
        }
    }

    [Theory, MemberData(nameof(Losses), DisableDiscoveryEnumeration = true)]
    public void A_step_is_that_of_a_loop_by_hand_and_looks_at_nothing_beyond(Loss<T> loss)
    {
        foreach (var ofEachStep in (bool[])[true, false])
        {
            var samples = Samples(loss, ofEachStep);
            var (ours, byHand) = (Model(!ofEachStep), Model(!ofEachStep));
            var trainer = new Trainer<T>(ours, loss, new SGD<T>(ours.Parameters, 0.1), new(samples, Count));
            trainer.Step(samples.X, samples.Y, lengths: Lengths);
            trainer.Pass.SequenceLengths.ToArray().Should().Equal(Lengths);

            var (pass, real) = (byHand.NewPass(), ofEachStep ? Real() : [.. Enumerable.Range(0, Count)]);
            pass.SequenceLengths = Lengths;
            var yHat = byHand.Forward(samples.X, pass);
            var dReal = loss.Backward(Rows(yHat, real), Rows(samples.Y, real));
            var dY = Matrix<T>.Build.Dense(yHat.RowCount, yHat.ColumnCount);
            for (var i = 0; i < real.Length; i++) dY.SetRow(real[i], dReal.Row(i));
            byHand.AccumulateGradients(pass, dY);
            new SGD<T>(byHand.Parameters, 0.1).Step();
            Runs.ModelState(ours).Should().Be(Runs.ModelState(byHand));
        }
    }

    /// <summary>Four batches of other sizes, or shards, give the gradient of one.</summary>
    [Theory]
    [InlineData(2, 1)]
    [InlineData(4, 1)]
    [InlineData(1, 4)]
    public void Shards_and_accumulated_batches_take_the_step_of_the_whole(int shards, int accumulation)
    {
        var loss = new CrossEntropyLoss<T>();
        var samples = Samples(loss, ofEachStep: true);
        var (whole, parts) = (Model(pooled: false), Model(pooled: false));
        new Trainer<T>(whole, loss, new SGD<T>(whole.Parameters, 0.5), new(samples, Count)).Fit(1);
        new Trainer<T>(parts, loss, new SGD<T>(parts.Parameters, 0.5), new(samples, accumulation == 1 ? Count : 6)) { Shards = shards, GradientAccumulationSteps = accumulation }.Fit(1);
        foreach (var (a, b) in whole.Parameters.SelectMany(parameter => parameter.Values.ToArray()).Zip(parts.Parameters.SelectMany(parameter => parameter.Values.ToArray())))
            double.CreateChecked(b).Should().BeApproximately(double.CreateChecked(a), Tolerance);
    }

    [Fact]
    public void Weights_of_samples_are_those_of_their_steps_and_metrics_see_what_is_there()
    {
        var loss = new CrossEntropyLoss<T>();
        var data = Samples(loss, ofEachStep: true);
        var weights = Matrix<T>.Build.Dense(Count, 1, (i, _) => T.CreateChecked(i % 3));
        var samples = new Samples<T>(data.X, data.Y, Steps, Steps, weights, Lengths);
        var (model, real) = (Model(pooled: false), Real());
        var prediction = Rows(Forward(model, samples), real);
        var target = Rows(samples.Y, real);
        var (value, metrics) = new Trainer<T>(model, loss, new SGD<T>(model.Parameters, 0), new(samples, 6)) { Metrics = [new Accuracy<T>()] }.Evaluate(samples);
        value.Should().BeApproximately(double.CreateChecked(new WeightedLoss<T>(loss).Forward(prediction, target, Matrix<T>.Build.Dense(real.Length, 1, (i, _) => weights[real[i] / Steps, 0]))), Tolerance * value);
        metrics["accuracy"].Should().BeApproximately(new Accuracy<T>().Of(prediction, target), 1e-15);
    }

    [Fact]
    public void Lengths_stay_with_their_samples()
    {
        var samples = Samples(new CrossEntropyLoss<T>(), ofEachStep: false);
        samples.Lengths.Should().Equal(Lengths);
        samples.Rows(3, 1, 1).Lengths.Should().Equal(Lengths[3], Lengths[1], Lengths[1]);
        var (training, heldBack) = samples.SplitInOrder(0.25);
        training.Lengths!.Concat(heldBack.Lengths!).Should().Equal(Lengths);
        var (first, second) = samples.Split(0.5, new Generator(1));
        foreach (var part in (Samples<T>[])[first, second, .. samples.KFold(3, new Generator(1)).Select(pair => pair.HeldBack)])
            for (var i = 0; i < part.Count; i++) part.Lengths![i].Should().Be(LengthOf(part.X, i));

        var batches = new Batches<T>(samples, 5, new Generator(1));
        batches.Shuffle();
        for (var i = 0; i < batches.Count; i++)
        {
            var batch = batches.Gather(i);
            batch.Lengths.Length.Should().Be(batch.X.RowCount / Steps);
            for (var n = 0; n < batch.Lengths.Length; n++) batch.Lengths.Span[n].Should().Be(LengthOf(batch.X, n));
        }

        new Batches<T>(samples.Rows(0, 1), 2).Gather(0).Lengths.ToArray().Should().Equal(Lengths[..2]);
        new Batches<T>(new Samples<T>(samples.X, samples.Y, Steps), 2).Gather(0).Lengths.IsEmpty.Should().BeTrue();

        // The first row of each says which it is.
        static int LengthOf(Matrix<T> x, int i) => Lengths[(int)Math.Round(double.CreateChecked(x[i * Steps, 0]) * 100)];
    }

    [Fact]
    public void A_training_with_lengths_is_resumed_bit_for_bit_and_other_lengths_are_other_samples()
    {
        var whole = Build(Lengths);
        whole.Fit(3);
        var saved = Build(Lengths);
        saved.Fit(3, progress =>
        {
            if (saved.Epoch == 1 && saved.Batch == 2) saved.Stop();
        });
        using var file = new MemoryStream();
        saved.SaveCheckpoint(file);
        var resumed = Build(Lengths);
        resumed.LoadCheckpoint(new MemoryStream(file.ToArray()));
        resumed.Fit(3);
        Runs.ModelState(resumed.Model).Should().Be(Runs.ModelState(whole.Model));

        var other = () => Build([.. Lengths.Reverse()]).LoadCheckpoint(new MemoryStream(file.ToArray()));
        other.Should().Throw<InvalidDataException>().WithMessage("*of different lengths*");

        Trainer<T> Build(int[] lengths)
        {
            var (loss, model) = (new CrossEntropyLoss<T>(), Model(pooled: true));
            var samples = Samples(loss, ofEachStep: false);
            return new(model, loss, new Adam<T>(model.Parameters, 0.01), new Batches<T>(new Samples<T>(samples.X, samples.Y, Steps, lengths: lengths), 5, new Generator(2)));
        }
    }

    /// <summary>Where the loss is of each step, as long as there are as many of them: it sees a matrix of those.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_steady_step_allocates_nothing(bool ofEachStep)
    {
        var loss = new CrossEntropyLoss<T>();
        var (samples, model) = (Samples(loss, ofEachStep), Model(pooled: !ofEachStep));
        var batches = new Batches<T>(samples, 5);
        var trainer = new Trainer<T>(model, loss, new SGD<T>(model.Parameters, 0.01), batches);
        Epoch();
        Epoch();
        Allocation.Least(Epoch).Should().Be(0);

        void Epoch()
        {
            for (var i = 0; i < (ofEachStep ? 2 : batches.Count); i++)
            {
                var batch = batches.Gather(i);
                trainer.Step(batch.X, batch.Y, lengths: batch.Lengths);
            }
        }
    }

    [Fact]
    public void Lengths_that_do_not_fit_are_refused()
    {
        Matrix<T> x = Matrix<T>.Build.Dense(6, 1), y = Matrix<T>.Build.Dense(2, 1);
        Refused(() => new Samples<T>(x, y, 3, lengths: [1]), "Samples expects a length for each of 2 samples, but there are 1. (Parameter 'lengths')");
        Refused(() => new Samples<T>(x, y, 3, lengths: [3, 0]), "Samples expects lengths from 1 to 3, but that of sample 1 is 0. (Parameter 'lengths')");
        Refused(() => new Samples<T>(x, y, 3, lengths: [4, 1]), "Samples expects lengths from 1 to 3, but that of sample 0 is 4. (Parameter 'lengths')");
        var (model, loss) = (Model(pooled: true), new CrossEntropyLoss<T>());
        var samples = Samples(loss, ofEachStep: false);
        foreach (var shards in (int[])[1, 2])
        {
            var trainer = new Trainer<T>(model, loss, new SGD<T>(model.Parameters, 0.1), new(samples, Count)) { Shards = shards };
            Refused(() => trainer.Step(samples.X, samples.Y, lengths: Lengths.AsMemory(0, 2)), shards == 1 ? "lstm: LSTM(2 -> 5, 4 steps, bidirectional) expects a length for each of 22 sequences, but SequenceLengths has 2.*" : "Trainer expects a length for each of 22 samples, but there are 2.*");
        }

        static void Refused(Func<object?> act, string message) => act.Should().Throw<ArgumentException>().WithMessage(message);
    }

    private static Sequential<T> Model(bool pooled)
    {
        var generator = new Generator(5);
        var model = new Sequential<T> { { "lstm", new LSTM<T>(Inputs, 5, Steps, bidirectional: true, generator: generator) } };
        if (pooled) model.Add("last", new LastStep<T>(Steps));
        model.Add("out", new Linear<T>(10, Classes, generator: generator));
        return model;
    }

    /// <summary>What stands beyond a sequence's end is NaN, in targets too.</summary>
    private static Samples<T> Samples(Loss<T> loss, bool ofEachStep)
    {
        var random = new Random(1);
        var rows = ofEachStep ? Steps : 1;
        var x = Matrix<T>.Build.Dense(Count * Steps, Inputs, (i, j) => i % Steps >= Lengths[i / Steps] ? T.NaN : i % Steps == 0 && j == 0 ? T.CreateChecked(i / Steps / 100.0) : T.CreateChecked(random.NextDouble()));
        var y = Matrix<T>.Build.Dense(Count * rows, loss is CrossEntropyLoss<T> ? 1 : Classes, (i, j) => ofEachStep && i % Steps >= Lengths[i / Steps] ? T.NaN : T.CreateChecked(loss is CrossEntropyLoss<T> ? random.Next(Classes) : random.NextDouble()));
        return new(x, y, Steps, rows, lengths: Lengths);
    }

    private static int[] Real() => [.. Enumerable.Range(0, Count * Steps).Where(row => row % Steps < Lengths[row / Steps])];

    private static Matrix<T> Forward(Layer<T> model, Samples<T> samples)
    {
        var pass = model.NewPass();
        pass.SequenceLengths = Lengths;
        return model.Forward(samples.X, pass);
    }

    private static Matrix<T> Rows(Matrix<T> from, int[] rows) => Matrix<T>.Build.Dense(rows.Length, from.ColumnCount, (i, j) => from[rows[i], j]);
}

public sealed class LengthsDoubleTests : LengthsTests<double>;

public sealed class LengthsSingleTests : LengthsTests<float>;

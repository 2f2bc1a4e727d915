using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>What a sample weighs in the loss: a weight of 2 is the same sample twice, wherever a loss is taken.</summary>
public abstract class WeightedSamplesTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private static readonly double Tolerance = typeof(T) == typeof(double) ? 1e-12 : 2e-5;

    // Losses made of losses have no unreduced form, which weights are for.
    public static TheoryData<Loss<T>> All => [.. DivisorTests<T>.All.Select(row => row.Data).Where(loss => loss is not CombinedLoss<T>)];

    [Theory, MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void A_sample_that_weighs_2_counts_like_two_in_loss_divisor_and_gradient(Loss<T> loss)
    {
        foreach (var rowsOfASample in (int[])[1, 3])
        {
            var (p, t) = LossTests<T>.Case(loss, 21);
            var random = new Random(1);
            var weights = Matrix<T>.Build.Dense(21 / rowsOfASample, 1, (i, _) => T.CreateChecked(i == 0 ? 2 : random.Next(4)));
            int[] repeated = [.. Enumerable.Range(0, 21).SelectMany(i => Enumerable.Repeat(i, int.CreateChecked(weights[i / rowsOfASample, 0])))];
            Matrix<T> pp = Rows(p, repeated), tt = Rows(t, repeated), result = Matrix<T>.Build.Dense(p.RowCount, p.ColumnCount, T.NaN);

            var weighted = new WeightedLoss<T>(loss);
            weighted.Divisor(p, t, weights).Should().BeApproximately(loss.Divisor(pp, tt), Tolerance * loss.Divisor(pp, tt));
            var whole = double.CreateChecked(loss.Forward(pp, tt));
            double.CreateChecked(weighted.Forward(p, t, weights)).Should().BeApproximately(whole, Tolerance * Math.Abs(whole));

            var gradient = p * T.Zero;
            foreach (var (row, i) in repeated.Select((row, i) => (row, i))) gradient.SetRow(row, gradient.Row(row) + loss.Backward(pp, tt).Row(i));
            foreach (var (ours, expected) in weighted.Backward(p, t, weights, result).Enumerate().Zip(gradient.Enumerate()))
                double.CreateChecked(ours).Should().BeApproximately(double.CreateChecked(expected), Tolerance * Math.Max(1, Math.Abs(double.CreateChecked(expected))));

            Allocation.Least(() =>
            {
                weighted.Forward(p, t, weights);
                weighted.Backward(p, t, weights, result);
            }).Should().Be(0);
        }

        static Matrix<T> Rows(Matrix<T> from, int[] rows) => Matrix<T>.Build.DenseOfRowVectors(rows.Select(i => from.Row(i)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void The_same_weights_give_the_same_loss_in_training_in_validation_in_chunks_and_as_one_batch(int rows)
    {
        var model = new Sequential<T> { new Linear<T>(Runs.Features, Runs.Classes, generator: new Generator(1)) };
        var data = Runs.Samples<T>(1800, 1);
        var random = new Random(2);
        var samples = new Samples<T>(data.X, data.Y, rows, rows, Matrix<T>.Build.Dense(1800 / rows, 1, (_, _) => T.CreateChecked(random.Next(5) * random.NextDouble())));
        foreach (var loss in (Loss<T>[])[new CrossEntropyLoss<T>(LossCases.Weights<T>(3, 1), ignoreIndex: 2), new CrossEntropyLoss<T>(reduction: Reduction.Sum)])
        {
            double whole = double.CreateChecked(new WeightedLoss<T>(loss).Forward(model.Forward(samples.X), samples.Y, samples.Weights)), plain = double.CreateChecked(loss.Forward(model.Forward(samples.X), samples.Y));
            whole.Should().NotBeApproximately(plain, 1e-3);
            var result = new Trainer<T>(model, loss, new SGD<T>(model.Parameters, 0), new(samples, 7, new Generator(1))) { Validation = samples }.Fit(1).Epochs[0];
            result.TrainingLoss.Should().BeApproximately(whole, Tolerance * whole);
            result.ValidationLoss.Should().BeApproximately(whole, Tolerance * whole);
        }
    }

    [Fact]
    public void A_training_with_weights_is_that_of_repeated_samples()
    {
        var data = Runs.Samples<T>(8, 1);
        var weighted = new Samples<T>(data.X, data.Y, weights: Matrix<T>.Build.Dense(8, 1, (i, _) => T.CreateChecked(i % 3)));
        var repeated = data.Rows([.. Enumerable.Range(0, 8).SelectMany(i => Enumerable.Repeat(i, i % 3))]);
        Sequential<T> Trained(Samples<T> samples)
        {
            var model = new Sequential<T> { new Linear<T>(Runs.Features, Runs.Classes, generator: new Generator(1)) };
            new Trainer<T>(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1, momentum: 0.9), new(samples, 100)).Fit(5);
            return model;
        }

        foreach (var (ours, theirs) in Trained(weighted).Parameters.Zip(Trained(repeated).Parameters))
            foreach (var (a, b) in ours.Values.ToArray().Zip(theirs.Values.ToArray())) double.CreateChecked(a).Should().BeApproximately(double.CreateChecked(b), Tolerance);
    }

    [Fact]
    public void A_batch_in_which_nothing_weighs_anything_adds_nothing_and_takes_no_step()
    {
        var data = Runs.Samples<T>(6, 1);
        var model = new Sequential<T> { new Linear<T>(Runs.Features, Runs.Classes, generator: new Generator(1)) };
        var trainer = new Trainer<T>(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1, momentum: 0.9),
            new(new Samples<T>(data.X, data.Y, weights: Matrix<T>.Build.Dense(6, 1, (i, _) => i is 2 or 3 ? T.Zero : T.One)), 2));
        var states = new List<string>();
        double.IsFinite(trainer.Fit(1, _ => states.Add(Runs.Model(model))).Epochs[0].TrainingLoss).Should().BeTrue();
        states[1].Should().Be(states[0]);
        states[2].Should().NotBe(states[1]);
        trainer.Step(data.X, data.Y, Matrix<T>.Build.Dense(6, 1)).Should().Be(T.Zero);
    }

    [Fact]
    public void What_does_not_fit_the_weights_is_refused()
    {
        var data = Runs.Samples<T>(6, 1);
        var model = new Sequential<T> { new Linear<T>(Runs.Features, Runs.Classes, generator: new Generator(1)) };
        var trainer = new Trainer<T>(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.1), new(data, 2));
        trainer.Invoking(t => t.Step(data.X, data.Y, Matrix<T>.Build.Dense(4, 1))).Should().Throw<ArgumentException>()
            .WithMessage("CrossEntropyLoss* expects whole samples, a weight for each, but prediction is 6x3 and there are 4 weights.*");
        foreach (var (weights, message) in (ReadOnlySpan<(Matrix<T>, string)>)
        [
            (Matrix<T>.Build.Sparse(6, 1), "CrossEntropyLoss* expects a dense matrix, but weights is *"),
            (Matrix<T>.Build.Dense(6, 2), "CrossEntropyLoss* expects weights to be 6x1, but it is 6x2.*"),
            (Matrix<T>.Build.Dense(0, 1), "CrossEntropyLoss* expects whole samples, a weight for each, but prediction is 6x3 and there are 0 weights.*"),
            (Matrix<T>.Build.Dense(6, 1, -T.One), "CrossEntropyLoss* expects weights that are finite and at least 0, but weights has -1 in row 0, column 0.*"),
            (Matrix<T>.Build.Dense(6, 1, T.NaN), "CrossEntropyLoss* expects weights that are finite and at least 0, but weights has NaN in row 0, column 0.*"),
        ])
        {
            var before = Runs.Model(model);
            trainer.Invoking(t => t.Step(data.X, data.Y, weights)).Should().Throw<ArgumentException>().WithMessage(message);
            Runs.Model(model).Should().Be(before);
        }
    }
}

public sealed class WeightedSamplesDoubleTests : WeightedSamplesTests<double>;

public sealed class WeightedSamplesSingleTests : WeightedSamplesTests<float>;

using System.Numerics;
using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class OverTimeTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Gen<(int Sequences, int Steps, int Columns, int Seed)> Shapes = Gen.Select(Any.Size, Any.Size, Any.Size, Gen.Int[0, int.MaxValue - 1]);

    private static readonly double[] WithTies = [1, 3, 3, 2, double.NaN, 5, 0, 0, 0];

    [NeedsTorch]
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_last_step_agrees_with_PyTorch_and_finite_differences(bool hasLengths) => Shapes.ForAll(shape => Prove(shape, hasLengths, new LastStep<T>(shape.Steps), x => x.select(0, -1)));

    [NeedsTorch]
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_mean_agrees_with_PyTorch_and_finite_differences(bool hasLengths) => Shapes.ForAll(shape => Prove(shape, hasLengths, new MeanOverTime<T>(shape.Steps), x => x.mean([0])));

    [NeedsTorch]
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_maximum_agrees_with_PyTorch_and_finite_differences(bool hasLengths) => Shapes.ForAll(shape => Prove(shape, hasLengths, new MaxOverTime<T>(shape.Steps), x => x.max(0).values));

    [NeedsTorch]
    [Fact]
    public void Rows_to_steps_agree_with_PyTorch_and_finite_differences() => Shapes.ForAll(shape => Proof.Layer(
        new ToSteps<T>(shape.Steps), Any.Matrix<T>(shape.Sequences, shape.Steps * shape.Columns, shape.Seed), (x, _) => x.reshape(-1, shape.Columns) * 1, shape.Seed, finiteDifferences: shape.Seed % 4 == 0), 60);

    [NeedsTorch]
    [Fact]
    public void Steps_to_rows_agree_with_PyTorch_and_finite_differences() => Shapes.ForAll(shape => Proof.Layer(
        new ToRows<T>(shape.Steps), Any.Matrix<T>(shape.Sequences * shape.Steps, shape.Columns, shape.Seed), (x, _) => x.reshape(-1, shape.Steps * shape.Columns) * 1, shape.Seed, finiteDifferences: shape.Seed % 4 == 0), 60);

    /// <summary>Of equals the first, as in PyTorch; NaN is the greatest.</summary>
    [NeedsTorch]
    [Fact]
    public void Equals_and_NaN_are_chosen_as_PyTorch_does()
    {
        var x = Matrix<T>.Build.Dense(9, 1, (i, _) => T.CreateChecked(WithTies[i]));
        var layer = new MaxOverTime<T>(3);
        Proof.Layer(layer, x, (xTorch, _) => xTorch.reshape(3, 3, 1).max(1).values, finiteDifferences: false);
        var pass = layer.NewPass();
        layer.Forward(x, pass);
        layer.Backward(pass, Matrix<T>.Build.Dense(3, 1, T.One)).Column(0).Should().Equal(Array.ConvertAll([0, 1.0, 0, 0, 1, 0, 1, 0, 0], T.CreateChecked));
    }

    [Fact]
    public void What_lies_beyond_a_length_is_not_looked_at()
    {
        foreach (var layer in (Layer<T>[])[new LastStep<T>(3), new MeanOverTime<T>(3), new MaxOverTime<T>(3)])
        {
            var x = Any.Matrix<T>(6, 2, 1);
            foreach (var row in (int[])[1, 2, 5]) x.SetRow(row, Matrix<T>.Build.Dense(1, 2, T.NaN).Row(0));
            var pass = layer.NewPass();
            pass.SequenceLengths = new[] { 1, 2 };
            var y = layer.Forward(x, pass);
            y.Row(0).Should().Equal(x.Row(0));
            y.Row(1).All(T.IsFinite).Should().BeTrue();
            pass.SequenceLengths = default;     // the backward pass is that of its forward pass
            var dX = layer.Backward(pass, Any.Matrix<T>(2, 2, 3));
            foreach (var row in (int[])[1, 2, 5]) dX.Row(row).Should().Equal(new T[2]);
            dX.Row(0).Should().Equal(Any.Matrix<T>(2, 2, 3).Row(0));
        }
    }

    [Fact]
    public void A_mean_of_many_floats_loses_nothing()
    {
        var x = Matrix<T>.Build.Dense(100_000, 1, T.CreateChecked(0.1));
        new MeanOverTime<T>(100_000).Forward(x)[0, 0].Should().Be(typeof(T) == typeof(float) ? T.CreateChecked(0.1) : new MeanOverTime<T>(100_000).Forward(x)[0, 0]);
    }

    [Fact]
    public void A_steady_step_allocates_nothing()
    {
        foreach (var layer in (Layer<T>[])[new LastStep<T>(3), new MeanOverTime<T>(3), new MaxOverTime<T>(3), new ToSteps<T>(3), new ToRows<T>(3)])
            Allocation.Of(layer, Any.Matrix<T>(12, 6, 1)).Should().Be(0, $"{layer}");
    }

    private static void Prove((int Sequences, int Steps, int Columns, int Seed) shape, bool hasLengths, Layer<T> layer, Func<Tensor, Tensor> ofSequence)
    {
        int[] LengthsOf(int sequences) => [.. Enumerable.Range(0, sequences).Select(n => hasLengths ? 1 + (shape.Seed / 3 + 5 * n) % shape.Steps : shape.Steps)];
        var lengths = LengthsOf(shape.Sequences);
        Proof.Layer(hasLengths ? new WithLengths<T>(layer, shape.Steps, LengthsOf) : layer, Any.Matrix<T>(shape.Sequences * shape.Steps, shape.Columns, shape.Seed), (x, _) =>
        {
            var sequences = x.reshape(shape.Sequences, shape.Steps, shape.Columns);
            return stack(Enumerable.Range(0, shape.Sequences).Select(n => ofSequence(sequences[n].slice(0, 0, lengths[n], 1))).ToArray(), 0);
        }, shape.Seed, finiteDifferences: shape.Seed % 8 == 0);
    }
}

public sealed class OverTimeDoubleTests : OverTimeTests<double>
{
    [Fact]
    public void Bad_input_is_named()
    {
        Refused(() => new LastStep<double>(3).Forward(Any.Matrix<double>(7, 2, 1)), "LastStep(3) expects sequences of 3 rows each, but x has 7 rows. (Parameter 'x')");
        Refused(() => new MeanOverTime<double>(3).Forward(Any.Matrix<double>(1, 2, 1)), "MeanOverTime(3) expects sequences of 3 rows each, but x has 1 row. (Parameter 'x')");
        Refused(() => new ToRows<double>(3).Forward(Any.Matrix<double>(7, 2, 1)), "ToRows(3) expects sequences of 3 rows each, but x has 7 rows. (Parameter 'x')");
        Refused(() => new ToSteps<double>(3).Forward(Any.Matrix<double>(7, 2, 1)), "ToSteps(3) expects as many columns for each of 3 steps, but x has 2. (Parameter 'x')");
        foreach (var make in (Func<Layer<double>>[])[() => new LastStep<double>(0), () => new MeanOverTime<double>(0), () => new MaxOverTime<double>(0), () => new ToSteps<double>(0), () => new ToRows<double>(0)])
            make.Should().Throw<ArgumentOutOfRangeException>().WithMessage("*(0) expects steps to be at least 1.*");
        var pass = new MaxOverTime<double>(3).NewPass();
        pass.SequenceLengths = new[] { 1, 4 };
        Refused(() => pass.Forward(Any.Matrix<double>(6, 2, 1)), "MaxOverTime(3) expects lengths from 1 to 3, but SequenceLengths[1] is 4. (Parameter 'SequenceLengths')");

        static void Refused(Func<Matrix<double>> act, string message) => act.Should().Throw<ArgumentException>().WithMessage(message);
    }
}

public sealed class OverTimeSingleTests : OverTimeTests<float>;

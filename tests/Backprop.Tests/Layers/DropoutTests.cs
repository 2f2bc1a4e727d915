using System.Numerics;
using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

public abstract class DropoutTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly double[] Probabilities = [0, 0.1, 0.5, 0.9, 1];

    private static readonly Gen<(int Rows, int Columns, int Seed)> Shapes = Any.Shape;

    /// <summary>The twin multiplies by the mask, which is what comes of ones with the same seed; that the mask is PyTorch's is shown below.</summary>
    [NeedsTorch]
    [Fact]
    public void Gradients_agree_with_PyTorch_and_finite_differences() => Shapes.ForAll(shape =>
    {
        var generator = new Generator(shape.Seed);
        var dropout = new Dropout<T>(Probabilities[shape.Seed % 5], generator);
        var mask = dropout.Forward(Matrix<T>.Build.Dense(shape.Rows, shape.Columns, T.One), dropout.NewPass()).Clone();
        Proof.Layer(dropout, Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed), (x, _) => x * Proof.Tensor(mask), shape.Seed, beforeForward: () => generator.ManualSeed(shape.Seed));
    });

    [NeedsTorch]
    [Fact]
    public void In_evaluation_it_is_the_identity_and_draws_nothing() => Shapes.ForAll(shape =>
    {
        var generator = new Generator(1);
        Proof.Layer(new Dropout<T>(Probabilities[shape.Seed % 5], generator), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed), (x, _) => x * 1, shape.Seed, training: false);
        generator.GetState().Should().Equal(new Generator(1).GetState());
    });

    [Fact]
    public void Where_nothing_is_dropped_nothing_is_drawn_either()
    {
        var generator = new Generator(1);
        var (layer, x) = (new Dropout<T>(0, generator), Any.Matrix<T>(3, 4, 1));
        layer.Forward(x, layer.NewPass()).Should().BeSameAs(x);
        generator.GetState().Should().Equal(new Generator(1).GetState());
    }

    [Fact]
    public void Masks_over_a_matrix_are_PyTorchs_bit_for_bit()
    {
        foreach (var p in Probabilities.Append(0.2).Except([0.1]))
        {
            var dropout = new Dropout<T>(p, new Generator(7));
            var (ones, pass) = (Matrix<T>.Build.Dense(5, 7, T.One), dropout.NewPass());
            for (var step = 0; step < 3; step++)
                dropout.Forward(ones, pass).ToRowMajorArray().Should().Equal(LayerFixture.Of<T>($"dropout {p:0.0} {step}"));
        }
    }

    [Fact]
    public void Masks_over_a_row_are_PyTorchs_bit_for_bit() => GeneratorFixture.ForEach<T>("dropout of ones 1..100", f =>
        [.. Enumerable.Range(1, 100).SelectMany(n =>
        {
            var dropout = new Dropout<T>(f.A, new Generator(f.Seed));
            return dropout.Forward(Matrix<T>.Build.Dense(1, n, T.One), dropout.NewPass()).Enumerate();
        })]);

    /// <summary>A share of 1 - p is kept, within 5 standard deviations, and the average stays what it was.</summary>
    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void The_average_stays(double p)
    {
        var dropout = new Dropout<T>(p, new Generator(3));
        var y = dropout.Forward(Matrix<T>.Build.Dense(300, 300, T.One), dropout.NewPass());
        var kept = y.Enumerate().Count(value => value != T.Zero) / 90_000.0;
        kept.Should().BeApproximately(1 - p, 5 * Math.Sqrt(p * (1 - p) / 90_000));
        y.Enumerate().Average(double.CreateChecked).Should().BeApproximately(1, 5 * Math.Sqrt(p / (1 - p) / 90_000));
    }

    [Fact]
    public void Each_forward_pass_draws_a_mask_of_its_own()
    {
        var dropout = new Dropout<T>(0.5, new Generator(3));
        var (x, pass, other) = (Matrix<T>.Build.Dense(20, 20, T.One), dropout.NewPass(), dropout.NewPass());
        var first = dropout.Forward(x, pass).Clone();
        dropout.Forward(x, other).Should().NotBe(first);
        dropout.Backward(pass, x).Should().Be(first, "the pass kept its mask");
        dropout.Forward(x, pass).Should().NotBe(first);
    }

    [Fact]
    public void Dropping_everything_lets_NaN_through_as_PyTorch_does()
    {
        var dropout = new Dropout<T>(1, new Generator(3));
        var y = dropout.Forward(Matrix<T>.Build.DenseOfArray(new[,] { { T.NaN, T.PositiveInfinity, T.One } }), dropout.NewPass());
        y.Row(0).Should().Equal(T.NaN, T.NaN, T.Zero);
    }
}

public sealed class DropoutDoubleTests : DropoutTests<double>
{
    [Fact]
    public void It_writes_itself_as_its_constructor_reads() => $"{new Dropout<double>(0.25)}".Should().Be("Dropout(0.25)");

    [Theory]
    [InlineData(-0.1, "-0.1")]
    [InlineData(1.5, "1.5")]
    [InlineData(double.NaN, "NaN")]
    public void What_is_no_probability_is_refused(double p, string shown)
    {
        var act = () => new Dropout<double>(p);
        act.Should().Throw<ArgumentOutOfRangeException>().WithMessage($"Dropout expects p to be from 0 to 1, but it is {shown}. (Parameter 'p')");
    }
}

public sealed class DropoutSingleTests : DropoutTests<float>;

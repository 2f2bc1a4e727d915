using System.Numerics;
using Backprop.Torch;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>TorchSharp has no RMSNorm: the twin is its formula, which PyTorch differentiates.</summary>
public abstract class RMSNormTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Fact]
    public void Gradients_agree_with_PyTorch_and_finite_differences() => Any.Shape.ForAll(shape => Prove(shape, new RMSNorm<T>(shape.Columns)));

    [NeedsTorch]
    [Fact]
    public void Gradients_without_a_weight_agree_too() => Any.Shape.ForAll(shape => Prove(shape, new RMSNorm<T>(shape.Columns, elementwiseAffine: false)));

    [NeedsTorch]
    [Fact]
    public void Gradients_with_a_large_epsilon_agree_too() => Any.Shape.ForAll(shape => Prove(shape, new RMSNorm<T>(shape.Columns, epsilon: 0.3)));

    /// <summary>More rows and columns than any vector has lanes. Sums of 300 floats of both signs round 300 times: ten times the usual absolute bound.</summary>
    [NeedsTorch]
    [Theory]
    [InlineData(67, 5)]
    [InlineData(1, 203)]
    [InlineData(16, 64)]
    [InlineData(131, 300)]
    public void Large_shapes_agree_too(int rows, int columns) => Prove((rows, columns, rows), new RMSNorm<T>(columns), tolerance: Conditioning.Widened<T>(10), finiteDifferences: rows * columns < 400);

    /// <summary>An offset is no burden here, since nothing is subtracted: the usual tolerance holds.</summary>
    [NeedsTorch]
    [Fact]
    public void Large_offsets_and_constant_rows_agree() => Any.Shape.ForAll(shape =>
    {
        Prove(shape, new RMSNorm<T>(shape.Columns), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed).Map(value => T.CreateChecked(1e6) + value), finiteDifferences: false);
        Prove(shape, new RMSNorm<T>(shape.Columns), Any.Matrix<T>(shape.Rows, 1, shape.Seed) * Matrix<T>.Build.Dense(1, shape.Columns, T.One), finiteDifferences: false);
    });

    [Fact]
    public void Rows_of_zeros_are_finite()
    {
        var (layer, x) = (new RMSNorm<T>(3), Matrix<T>.Build.Dense(2, 3));
        var pass = layer.NewPass();
        layer.Forward(x, pass).Enumerate().Should().Equal(new T[6]);
        layer.Backward(pass, Any.Matrix<T>(2, 3, 1)).Should().Be(Any.Matrix<T>(2, 3, 1) * (T.One / T.Sqrt(T.BitIncrement(T.One) - T.One)), "dX = r dY there");
    }

    [Fact]
    public void A_row_has_the_bits_it_has_alone()
    {
        var layer = Conditioning.Vary<T, RMSNorm<T>>(new RMSNorm<T>(37), 5);
        var x = Any.Matrix<T>(45, 37, 1);
        var y = layer.Forward(x);
        for (var i = 0; i < 45; i++) layer.Forward(x.Row(i)).Should().Equal(y.Row(i));
    }

    [Fact]
    public void NaN_and_infinity_stay_in_their_row_and_fill_it()
    {
        var layer = new RMSNorm<T>(3);
        var x = Any.Matrix<T>(4, 3, 1);
        var expected = layer.Forward(x);
        x[1, 0] = T.NaN;
        var y = layer.Forward(x);
        foreach (var row in (int[])[0, 2, 3]) y.Row(row).Should().Equal(expected.Row(row));
        y.Row(1).Should().Equal(Enumerable.Repeat(T.NaN, 3));
        layer.Weight!.Values.ToArray().Should().Equal(T.One, T.One, T.One);
    }

    private static void Prove((int Rows, int Columns, int Seed) shape, RMSNorm<T> layer, Matrix<T>? input = null, Tolerance? tolerance = null, bool finiteDifferences = true)
    {
        Conditioning.Vary<T, RMSNorm<T>>(layer, shape.Seed);
        var x = input ?? Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed);
        Proof.Layer(layer, x, (xTorch, p) =>
        {
            var xHat = xTorch * (xTorch.pow(2).mean([1], keepdim: true) + layer.Epsilon).rsqrt();
            return p.TryGetValue("weight", out var w) ? xHat * w : xHat;
        }, shape.Seed, finiteDifferences: finiteDifferences && shape.Columns > 1, tolerance: tolerance ?? Conditioning.Of(x, rows: true, layer.Epsilon, centred: false));
    }
}

public sealed class RMSNormDoubleTests : RMSNormTests<double>
{
    [Fact]
    public void Its_epsilon_is_the_types()
    {
        new RMSNorm<double>(3).Epsilon.Should().Be(Math.Pow(2, -52));
        new RMSNorm<float>(3).Epsilon.Should().Be(Math.Pow(2, -23));
        new RMSNorm<float>(3, epsilon: 1e-5).Epsilon.Should().Be(1e-5);
    }

    [Fact]
    public void It_writes_itself_as_its_constructor_reads()
    {
        $"{new RMSNorm<double>(3)}".Should().Be("RMSNorm(3)");
        $"{new RMSNorm<double>(3, epsilon: 1e-6, elementwiseAffine: false)}".Should().Be("RMSNorm(3, epsilon 1E-06, not affine)");
    }

    [Fact]
    public void Bad_input_is_named()
    {
        var act = () => new RMSNorm<double>(3).Forward(Any.Matrix<double>(2, 7, 1));
        act.Should().Throw<ArgumentException>().WithMessage("RMSNorm(3) expects 3 input columns, but x is 2x7. (Parameter 'x')");
        var size = () => new RMSNorm<double>(-1);
        size.Should().Throw<ArgumentOutOfRangeException>().WithMessage("RMSNorm(-1) expects normalizedShape to be at least 1.*");
        var epsilon = () => new RMSNorm<double>(3, epsilon: double.NaN);
        epsilon.Should().Throw<ArgumentOutOfRangeException>().WithMessage("RMSNorm(3) expects epsilon to be finite and at least 0, but it is NaN. (Parameter 'epsilon')");
    }
}

public sealed class RMSNormSingleTests : RMSNormTests<float>;

using System.Numerics;
using Backprop.Torch;
using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class LayerNormTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Fact]
    public void Gradients_agree_with_PyTorch_and_finite_differences() => Any.Shape.ForAll(shape => Prove(shape, new LayerNorm<T>(shape.Columns)));

    [NeedsTorch]
    [Fact]
    public void Gradients_without_a_bias_agree_too() => Any.Shape.ForAll(shape => Prove(shape, new LayerNorm<T>(shape.Columns, bias: false)));

    [NeedsTorch]
    [Fact]
    public void Gradients_without_weight_and_bias_agree_too() => Any.Shape.ForAll(shape => Prove(shape, new LayerNorm<T>(shape.Columns, elementwiseAffine: false)));

    [NeedsTorch]
    [Fact]
    public void Gradients_with_a_large_epsilon_agree_too() => Any.Shape.ForAll(shape => Prove(shape, new LayerNorm<T>(shape.Columns, epsilon: 0.3)));

    /// <summary>Then r would be infinite in the lanes beyond the last row.</summary>
    [NeedsTorch]
    [Fact]
    public void Gradients_without_an_epsilon_agree_too() => Prove((5, 7, 3), new LayerNorm<T>(7, epsilon: 0));

    /// <summary>More rows and columns than any vector has lanes. Sums of 300 floats of both signs round 300 times: ten times the usual absolute bound.</summary>
    [NeedsTorch]
    [Theory]
    [InlineData(67, 5)]
    [InlineData(1, 203)]
    [InlineData(16, 64)]
    [InlineData(131, 300)]
    public void Large_shapes_agree_too(int rows, int columns) => Prove((rows, columns, rows), new LayerNorm<T>(columns), tolerance: Conditioning.Widened<T>(10), finiteDifferences: rows * columns < 400);

    [Fact]
    public void One_feature_is_its_own_mean() => Any.Shape.ForAll(shape =>
    {
        var layer = Conditioning.Vary<T, LayerNorm<T>>(new LayerNorm<T>(1), shape.Seed);
        var (x, pass) = (Any.Matrix<T>(shape.Rows, 1, shape.Seed, 1000), layer.NewPass());
        layer.Forward(x, pass).Enumerate().Should().Equal(Enumerable.Repeat(layer.Bias!.Value[0], shape.Rows));
        layer.Backward(pass, Any.Matrix<T>(shape.Rows, 1, 3)).Enumerate().Should().Equal(new T[shape.Rows]);
        layer.Weight!.Gradient[0].Should().Be(T.Zero);
    });

    /// <summary>
    /// Variance 0: x̂ is 0 up to the rounding of the mean, which r = 1/sqrt(eps) = 316 multiplies, as it does dX; hence, in float, 316 times the usual bound.
    /// </summary>
    [NeedsTorch]
    [Fact]
    public void Constant_rows_are_finite_and_agree() => Any.Shape.ForAll(shape =>
    {
        var x = Any.Matrix<T>(shape.Rows, 1, shape.Seed) * Matrix<T>.Build.Dense(1, shape.Columns, T.One);
        Prove(shape, new LayerNorm<T>(shape.Columns), x, Conditioning.Widened<T>(316), finiteDifferences: false);
    });

    [Fact]
    public void A_row_has_the_bits_it_has_alone()
    {
        var layer = Conditioning.Vary<T, LayerNorm<T>>(new LayerNorm<T>(37), 5);
        var x = Any.Matrix<T>(45, 37, 1);
        var (pass, alone) = (layer.NewPass(), layer.NewPass());
        var (y, dY) = (layer.Forward(x, pass), Any.Matrix<T>(45, 37, 2));
        var dX = layer.Backward(pass, dY);
        for (var i = 0; i < 45; i++)
        {
            layer.Forward(x.SubMatrix(i, 1, 0, 37), alone).Row(0).Should().Equal(y.Row(i));
            layer.Backward(alone, dY.SubMatrix(i, 1, 0, 37)).Row(0).Should().Equal(dX.Row(i));
        }
    }

    [Fact]
    public void NaN_and_infinity_stay_in_their_row()
    {
        var layer = new LayerNorm<T>(3);
        var x = Any.Matrix<T>(4, 3, 1);
        var expected = layer.Forward(x);
        x[1, 0] = T.NaN;
        x[2, 2] = T.PositiveInfinity;
        var y = layer.Forward(x);
        y.Row(0).Should().Equal(expected.Row(0));
        y.Row(3).Should().Equal(expected.Row(3));
        y.Row(1).Concat(y.Row(2)).Should().Equal(Enumerable.Repeat(T.NaN, 6));
    }

    [Fact]
    public void It_begins_without_a_scale_or_a_shift()
    {
        var layer = new LayerNorm<T>(3);
        (layer.Weight!.Values.ToArray(), layer.Bias!.Values.ToArray()).Should().BeEquivalentTo((new[] { T.One, T.One, T.One }, new T[3]));
    }

    private static void Prove((int Rows, int Columns, int Seed) shape, LayerNorm<T> layer, Matrix<T>? input = null, Tolerance? tolerance = null, bool finiteDifferences = true)
    {
        Conditioning.Vary<T, LayerNorm<T>>(layer, shape.Seed);
        var x = input ?? Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed);
        // One feature has variance 0, whose difference quotients are 0/0; see One_feature_is_its_own_mean.
        Proof.Layer(layer, x, (xTorch, p) => nn.functional.layer_norm(xTorch, [shape.Columns], p.GetValueOrDefault("weight"), p.GetValueOrDefault("bias"), layer.Epsilon),
            shape.Seed, finiteDifferences: finiteDifferences && shape.Columns > 1, tolerance: tolerance ?? Conditioning.Of(x, rows: true, layer.Epsilon));
    }
}

public sealed class LayerNormDoubleTests : LayerNormTests<double>
{
    [Fact]
    public void It_writes_itself_as_its_constructor_reads()
    {
        $"{new LayerNorm<double>(3)}".Should().Be("LayerNorm(3)");
        $"{new LayerNorm<double>(3, epsilon: 0.001, bias: false)}".Should().Be("LayerNorm(3, epsilon 0.001, no bias)");
        $"{new LayerNorm<double>(3, elementwiseAffine: false)}".Should().Be("LayerNorm(3, not affine)");
        new LayerNorm<double>(3).NamedParameters().Select(named => named.Name).Should().Equal("weight", "bias");
        new LayerNorm<double>(3, elementwiseAffine: false).Parameters.Should().BeEmpty();
    }

    [Fact]
    public void Bad_input_is_named()
    {
        var act = () => new LayerNorm<double>(3).Forward(Any.Matrix<double>(2, 7, 1));
        act.Should().Throw<ArgumentException>().WithMessage("LayerNorm(3) expects 3 input columns, but x is 2x7. (Parameter 'x')");
        var size = () => new LayerNorm<double>(0);
        size.Should().Throw<ArgumentOutOfRangeException>().WithMessage("LayerNorm(0) expects normalizedShape to be at least 1.*");
        var epsilon = () => new LayerNorm<double>(3, epsilon: -1);
        epsilon.Should().Throw<ArgumentOutOfRangeException>().WithMessage("LayerNorm(3) expects epsilon to be finite and at least 0, but it is -1. (Parameter 'epsilon')");
    }
}

public sealed class LayerNormSingleTests : LayerNormTests<float>
{
    /// <summary>
    /// At 1e6 neighbouring floats are 1/16 apart, and the mean of a row is no float. PyTorch in float loses digits there, so the judge is PyTorch in
    /// double from the same inputs, and the usual tolerance holds: the mean's remainder is kept.
    /// </summary>
    [NeedsTorch]
    [Fact]
    public void Large_offsets_lose_no_digits() => Any.Shape.Where(shape => shape.Columns > 2).ForAll(shape =>
    {
        var x = Any.Matrix<float>(shape.Rows, shape.Columns, shape.Seed, 8).Map(value => 1e6f + value);
        var layer = Conditioning.Vary<float, LayerNorm<float>>(new LayerNorm<float>(shape.Columns), shape.Seed);
        var dY = Any.Matrix<float>(shape.Rows, shape.Columns, 3);
        var pass = layer.NewPass();
        using var scope = NewDisposeScope();
        var (xTorch, w, b) = (Proof.Tensor(x).to(float64).requires_grad_(), tensor(layer.Weight!.Values.ToArray()).to(float64).requires_grad_(), tensor(layer.Bias!.Values.ToArray()).to(float64));
        var yTorch = nn.functional.layer_norm(xTorch, [shape.Columns], w, b, 1e-5);
        yTorch.backward([Proof.Tensor(dY).to(float64)]);
        Proof.Compare("LayerNorm at 1e6", "y", layer.Forward(x, pass), yTorch);
        Proof.Compare("LayerNorm at 1e6", "dL/dx", layer.Backward(pass, dY), xTorch.grad!, Conditioning.Of(x.Map(value => value - 1e6f), rows: true, 1e-5));
        Proof.Compare<float>("LayerNorm at 1e6", "dL/dweight", layer.Weight.Gradients, [shape.Columns], w.grad!);
    });
}

using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using Xunit;

namespace Backprop.Tests;

public abstract class PReLUTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Gradients_agree_with_PyTorch_and_finite_differences(bool oneForEachColumn) => Any.Shape.ForAll(shape =>
    {
        var layer = new PReLU<T>(oneForEachColumn ? shape.Columns : 1);
        Any.Vector<T>(layer.NumParameters, shape.Seed + 2).CopyTo(layer.Weight.Value);
        Proof.Layer(layer, Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed, shape.Seed % 2 == 0 ? 1 : 10), (x, p) => torch.nn.functional.prelu(x, p["weight"]), shape.Seed);
    });

    // The slope's gradient is a sum of terms of both signs: it is as exact as its greatest term allows.
    [NeedsTorch]
    [Fact]
    public void Wide_values_and_long_sums_agree_too() => Any.Shape.ForAll(shape =>
        Proof.Layer(new PReLU<T>(shape.Columns), Any.Matrix<T>(100 * shape.Rows, shape.Columns, shape.Seed, 1000), (x, p) => torch.nn.functional.prelu(x, p["weight"]), shape.Seed,
            finiteDifferences: false, tolerance: typeof(T) == typeof(double) ? null : new(1e-2, 1e-5)), count: 40);

    [Theory]
    [InlineData(0, 0)]
    [InlineData(-2, -0.5)]
    [InlineData(2, 2)]
    [InlineData(double.NegativeInfinity, double.NegativeInfinity)]
    [InlineData(double.PositiveInfinity, double.PositiveInfinity)]
    [InlineData(double.NaN, double.NaN)]
    public void Kinks_and_extremes_are_PyTorchs(double x, double y)
    {
        var layer = new PReLU<T>();
        var pass = layer.NewPass();
        double.CreateChecked(layer.Forward(Matrix<T>.Build.Dense(1, 1, T.CreateChecked(x)), pass)[0, 0]).Should().Be(y);
        double.CreateChecked(layer.Backward(pass, Matrix<T>.Build.Dense(1, 1, T.One))[0, 0]).Should().Be(x > 0 ? 1 : 0.25);
        double.CreateChecked(layer.Weight.Gradients[0]).Should().Be(x > 0 ? 0 : x);
    }

    // As torch's prelu_backward: x dY where x is not above 0, and 0 times infinity is no number.
    [Fact]
    public void At_0_an_infinite_gradient_gives_the_slope_none()
    {
        var layer = new PReLU<T>();
        var pass = layer.NewPass();
        layer.Forward(Matrix<T>.Build.Dense(1, 1), pass);
        layer.Backward(pass, Matrix<T>.Build.Dense(1, 1, T.PositiveInfinity));
        T.IsNaN(layer.Weight.Gradients[0]).Should().BeTrue();
    }

    [Fact]
    public void It_begins_as_PyTorchs_and_reads_as_its_constructor()
    {
        var layer = new PReLU<T>(3);
        layer.ToString().Should().Be("PReLU(3)");
        layer.NamedParameters().Single().Name.Should().Be("weight");
        layer.Weight.Values.ToArray().Should().Equal(T.CreateChecked(0.25), T.CreateChecked(0.25), T.CreateChecked(0.25));
        new PReLU<T>(init: 0.5).Weight.Values.ToArray().Should().Equal(T.CreateChecked(0.5));
        layer.InputColumns.Should().Be(3);
        new PReLU<T>().InputColumns.Should().BeNull();
        layer.Formula.Should().StartWith("y = ");
        layer.Derivative.Should().StartWith("dX = ").And.Contain("da += ");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void A_steady_step_does_not_allocate(int numParameters) => Allocation.Of(new PReLU<T>(numParameters), Any.Matrix<T>(7, 5, 1)).Should().Be(0);
}

public sealed class PReLUDoubleTests : PReLUTests<double>;

public sealed class PReLUSingleTests : PReLUTests<float>;

using System.Numerics;
using FluentAssertions;
using TorchSharp;
using Xunit;

namespace Backprop.Tests;

public abstract class LinearTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Fact]
    public void Parameters_that_exist_are_shared()
    {
        var source = new Linear<T>(3, 2, generator: new Generator(1));
        var shared = new Linear<T>(source.Weight, source.Bias);
        shared.Parameters.Should().Equal(source.Weight, source.Bias!);
        shared.Bias.Should().BeSameAs(source.Bias);
        shared.Forward(Any.Matrix<T>(4, 3, 1)).Should().Be(source.Forward(Any.Matrix<T>(4, 3, 1)));
    }

    [Fact]
    public void Gradients_agree_with_PyTorch_and_finite_differences() => Any.Shapes.ForAll(shape =>
        Proof.Layer(new Linear<T>(shape.In, shape.Out, generator: new Generator(shape.Seed)), Any.Matrix<T>(shape.Rows, shape.In, shape.Seed),
            (x, p) => torch.nn.functional.linear(x, p["weight"], p["bias"]), shape.Seed));

    [NeedsTorch]
    [Fact]
    public void Gradients_without_a_bias_agree_too() => Any.Shapes.ForAll(shape =>
        Proof.Layer(new Linear<T>(shape.In, shape.Out, bias: false, new Generator(shape.Seed)), Any.Matrix<T>(shape.Rows, shape.In, shape.Seed),
            (x, p) => torch.nn.functional.linear(x, p["weight"]), shape.Seed));
}

public sealed class LinearDoubleTests : LinearTests<double>
{
    /// <summary>PyTorch draws weight and bias uniformly from ±1/√in.</summary>
    [Fact]
    public void Initial_values_fill_the_range_that_PyTorchs_have()
    {
        var linear = new Linear<double>(100, 300, generator: new Generator(1));
        foreach (var values in (double[][])[linear.Weight.Values.ToArray(), linear.Bias!.Values.ToArray()])
        {
            values.Max().Should().BeInRange(values.Length > 1000 ? 0.09999 : 0.098, 0.1);
            values.Min().Should().BeInRange(-0.1, values.Length > 1000 ? -0.09999 : -0.098);
        }
    }

    [Fact]
    public void A_wrong_number_of_columns_is_named()
    {
        var linear = new Linear<double>(3, 4);
        var act = () => linear.Forward(Any.Matrix<double>(2, 7, 1));
        act.Should().Throw<ArgumentException>().WithMessage("Linear(3 -> 4) expects 3 input columns, but x is 2x7. (Parameter 'x')");
    }
}

public sealed class LinearSingleTests : LinearTests<float>;

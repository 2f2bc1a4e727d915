using System.Numerics;
using FluentAssertions;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class SumTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Fact]
    public void Gradients_agree_with_PyTorch_and_finite_differences() => Any.Shapes.ForAll(shape =>
    {
        var layer = new Sum<T> { { "a", Linear(shape.In, shape.Out, shape.Seed) }, { "b", new Sequential<T> { Linear(shape.In, shape.Out, shape.Seed + 1), new Sigmoid<T>() } }, { "c", Linear(shape.In, shape.Out, shape.Seed + 2) } };
        Proof.Layer(layer, Any.Matrix<T>(shape.Rows, shape.In, shape.Seed), (x, p) =>
            nn.functional.linear(x, p["a.weight"], p["a.bias"]) + nn.functional.linear(x, p["b.0.weight"], p["b.0.bias"]).sigmoid() + nn.functional.linear(x, p["c.weight"], p["c.bias"]), shape.Seed);
    });

    [NeedsTorch]
    [Fact]
    public void With_the_identity_it_is_a_residual_connection() => Any.Shape.ForAll(shape =>
        Proof.Layer(new Sum<T>(new Identity<T>(), new Tanh<T>()), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed), (x, _) => x + x.tanh(), shape.Seed));

    [NeedsTorch]
    [Fact]
    public void A_single_branch_and_identities_agree() => Any.Shape.ForAll(shape =>
    {
        Proof.Layer(new Sum<T>(new Tanh<T>()), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed), (x, _) => x.tanh(), shape.Seed);
        Proof.Layer(new Sum<T>(new Identity<T>(), new Identity<T>(), new Identity<T>()), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed), (x, _) => x * 3, shape.Seed);
    });

    [Fact]
    public void A_steady_step_allocates_nothing() => Allocation.Of(new Sum<T>(Linear(3, 4, 1), Linear(3, 4, 2)), Any.Matrix<T>(7, 3, 1)).Should().Be(0);

    private static Linear<T> Linear(int from, int to, int seed) => new(from, to, generator: new Generator(seed));
}

public sealed class SumDoubleTests : SumTests<double>
{
    [Fact]
    public void It_writes_itself_and_refuses_what_cannot_be_added()
    {
        $"{new Sum<double> { { "a", new Linear<double>(3, 4) }, { "b", new Linear<double>(3, 4) } }}".Should().Be("Sum(a: Linear(3 -> 4), b: Linear(3 -> 4))");
        Refused(() => new Sum<double> { { "a", new Linear<double>(3, 4) }, { "b", new Linear<double>(3, 5) } }.Forward(Any.Matrix<double>(2, 3, 1)),
            "Sum(a: Linear(3 -> 4), b: Linear(3 -> 5)) expects branches that give as many columns as each other, but for 3 \"a\" gives 4 and \"b\" gives 5. (Parameter 'x')");
        Refused(() => new Sum<double> { { "a", new Linear<double>(3, 4) }, { "b", new Linear<double>(2, 4) } }.Forward(Any.Matrix<double>(2, 3, 1)), "b: Linear(2 -> 4) expects 2 input columns, but x is 2x3. (Parameter 'x')");
        Refused(() => new Sum<double>().Forward(Any.Matrix<double>(2, 3, 1)), "Sum() expects at least one branch, but has none. (Parameter 'x')");

        static void Refused(Func<object> act, string message) => act.Should().Throw<ArgumentException>().WithMessage(message);
    }
}

public sealed class SumSingleTests : SumTests<float>;

using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class ResidualTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Fact]
    public void Gradients_agree_with_PyTorch_and_finite_differences() => Any.Shape.ForAll(shape =>
        Proof.Layer(new Residual<T>(Linear(shape.Columns, shape.Seed)), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed),
            (x, p) => x + nn.functional.linear(x, p["f.weight"], p["f.bias"]), shape.Seed));

    [NeedsTorch]
    [Fact]
    public void Nests_agree_too() => Any.Shape.ForAll(shape =>
    {
        var inner = new Residual<T>(Linear(shape.Columns, shape.Seed));
        var layer = new Residual<T>(new Sequential<T> { { "in", Linear(shape.Columns, shape.Seed + 1) }, { "bend", new Sigmoid<T>() }, { "inner", inner } });
        Proof.Layer(layer, Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed), (x, p) =>
        {
            var z = nn.functional.linear(x, p["f.in.weight"], p["f.in.bias"]).sigmoid();
            return x + (z + nn.functional.linear(z, p["f.inner.f.weight"], p["f.inner.f.bias"]));
        }, shape.Seed);
    });

    [NeedsTorch]
    [Fact]
    public void Around_the_identity_it_doubles() => Any.Shape.ForAll(shape =>
        Proof.Layer(new Residual<T>(new Identity<T>()), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed), (x, _) => x + x, shape.Seed));

    [NeedsTorch]
    [Fact]
    public void The_identity_is_none() => Any.Shape.ForAll(shape =>
        Proof.Layer(new Identity<T>(), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed), (x, _) => x * 1, shape.Seed));

    private static Linear<T> Linear(int size, int seed) => new(size, size, generator: new Generator(seed));
}

public sealed class ResidualDoubleTests : ResidualTests<double>
{
    [Fact]
    public void It_writes_itself_and_takes_what_f_takes()
    {
        var layer = new Residual<double>(new Linear<double>(3, 3));
        $"{layer}".Should().Be("Residual(Linear(3 -> 3))");
        $"{new Identity<double>()}".Should().Be("Identity()");
        layer.InputColumns.Should().Be(3);
        layer.OutputColumns(3).Should().Be(3);
        layer.NamedParameters().Select(named => named.Name).Should().Equal("f.weight", "f.bias");
    }

    [Fact]
    public void Bad_input_is_named()
    {
        var act = () => new Residual<double>(new Linear<double>(3, 3)).Forward(Any.Matrix<double>(2, 7, 1));
        act.Should().Throw<ArgumentException>().WithMessage("f: Linear(3 -> 3) expects 3 input columns, but x is 2x7. (Parameter 'x')");
        act = () => new Residual<double>(new Linear<double>(3, 4)).Forward(Any.Matrix<double>(2, 3, 1));
        act.Should().Throw<ArgumentException>().WithMessage("Residual(Linear(3 -> 4)) expects f to give as many columns as it gets, but for 3 it gives 4. (Parameter 'x')");
        act = () => new Sequential<double> { { "block", new Residual<double>(new Linear<double>(3, 4)) } }.Forward(Any.Matrix<double>(2, 3, 1));
        act.Should().Throw<ArgumentException>().WithMessage("block: Residual(Linear(3 -> 4)) expects f *");
        act = () => new Residual<double>(new Pairs()).Forward(Any.Matrix<double>(4, 3, 1));
        act.Should().Throw<ArgumentException>().WithMessage("Residual(Pairs()) expects f to give as many rows as it gets, but for 4 it gives 2.*");
        new Residual<double>(new Linear<double>(3, 3)).OutputRows(4).Should().Be(4);
        var none = () => new Residual<double>(null!);
        none.Should().Throw<ArgumentNullException>();
    }

    /// <summary>Every other row.</summary>
    private sealed class Pairs : Layer<double>
    {
        public override int OutputRows(int inputRows) => inputRows / 2;

        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass) => x.SubMatrix(0, x.RowCount / 2, 0, x.ColumnCount);

        protected override Matrix<double>? BackwardCore(ForwardPass<double> pass, Matrix<double> dY) => null;
    }
}

public sealed class ResidualSingleTests : ResidualTests<float>;

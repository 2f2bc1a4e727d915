using System.Numerics;
using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

public abstract class ColumnsTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Gen<(int Before, int Count, int After, (int Rows, int Columns, int Seed) Shape)> Cases = Gen.Select(Gen.Int[0, 5], Any.Size, Gen.Int[0, 5], Any.Shape);

    [NeedsTorch]
    [Fact]
    public void Gradients_agree_with_PyTorch_and_finite_differences() => Cases.ForAll(drawn =>
    {
        var (before, count, after, shape) = drawn;
        Proof.Layer(new Columns<T>(before, count), Any.Matrix<T>(shape.Rows, before + count + after, shape.Seed), (x, _) => x.narrow(1, before, count), shape.Seed);
    });

    [Fact]
    public void What_is_not_taken_has_no_gradient()
    {
        var (layer, x) = (new Columns<T>(1, 2), Any.Matrix<T>(3, 5, 1));
        var pass = layer.NewPass();
        layer.Forward(x, pass).Should().Be(x.SubMatrix(0, 3, 1, 2));
        var dY = Any.Matrix<T>(3, 2, 2);
        layer.Backward(pass, dY).Should().Be(Matrix<T>.Build.Dense(3, 1).Append(dY).Append(Matrix<T>.Build.Dense(3, 2)));
        pass.Backward(dY, needsInputGradient: false).Should().BeNull();
    }

    [Fact]
    public void A_steady_step_allocates_nothing() => Allocation.Of(new Columns<T>(2, 3), Any.Matrix<T>(7, 6, 1)).Should().Be(0);
}

public sealed class ColumnsDoubleTests : ColumnsTests<double>
{
    [Fact]
    public void It_writes_itself()
    {
        var layer = new Columns<double>(1, 2);
        $"{layer}".Should().Be("Columns(1, 2)");
        layer.Formula.Should().Be("y = x[:, 1:3]");
        layer.Derivative.Should().Be("dX[:, 1:3] = dY,  dX = 0 elsewhere");
        layer.OutputColumns(3).Should().Be(2);
        layer.InputColumns.Should().BeNull();
    }

    [Fact]
    public void Bad_input_is_named()
    {
        Refused(() => new Columns<double>(1, 2).Forward(Any.Matrix<double>(4, 2, 1)), "Columns(1, 2) expects at least 3 input columns, but there are 2. (Parameter 'x')");
        Refused(() => new Sequential<double> { { "part", new Columns<double>(1, 2) } }.Forward(Any.Matrix<double>(4, 2, 1)), "part: Columns(1, 2) expects at least 3 input columns, but there are 2. (Parameter 'x')");
        Refused(() => new Columns<double>(-1, 2), "Columns(-1, 2) expects start to be at least 0, but it is -1. (Parameter 'start')");
        Refused(() => new Columns<double>(1, 0), "Columns(1, 0) expects count to be at least 1.*");
        Refused(() => new Columns<double>(7, int.MaxValue), "Columns(7, 2147483647) expects count to be at most 2147483640, but it is 2147483647. (Parameter 'count')");

        static void Refused(Func<object> act, string message) => act.Should().Throw<ArgumentException>().WithMessage(message);
    }
}

public sealed class ColumnsSingleTests : ColumnsTests<float>;

using System.Numerics;
using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch.nn;
using Tensor = TorchSharp.torch.Tensor;

namespace Backprop.Tests;

public abstract class SoftmaxTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const double Infinity = double.PositiveInfinity;

    private static readonly double[] Scales = [1, 10, 1000];

    private static readonly Dictionary<string, (Func<Layer<T>> Ours, Func<Tensor, Tensor> Torch)> Twins = new()
    {
        ["Softmax()"] = (() => new Softmax<T>(), x => functional.softmax(x, 1)),
        ["LogSoftmax()"] = (() => new LogSoftmax<T>(), x => functional.log_softmax(x, 1)),
    };

    public static TheoryData<string> Names => [.. Twins.Keys];

    [NeedsTorch]
    [Theory]
    [MemberData(nameof(Names))]
    public void Gradients_agree_with_PyTorch_and_finite_differences(string name) => Any.Shape.ForAll(shape =>
        Proof.Layer(Twins[name].Ours(), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed, Scales[shape.Seed % Scales.Length]), (x, _) => Twins[name].Torch(x), shape.Seed));

    // Several vectors of rows and an end that fills none; several blocks of columns.
    [NeedsTorch]
    [Theory]
    [MemberData(nameof(Names))]
    public void Large_matrices_agree_too(string name) => Gen.Select(Gen.Int[1, 70], Gen.Int[1, 300], Gen.Int[0, 1000]).ForAll(shape =>
        Proof.Layer(Twins[name].Ours(), Any.Matrix<T>(shape.Item1, shape.Item2, shape.Item3, 5), (x, _) => Twins[name].Torch(x), shape.Item3, finiteDifferences: false), count: 20);

    [NeedsTorch]
    [Theory]
    [MemberData(nameof(Names))]
    public void Extremes_agree_with_PyTorch(string name)
    {
        double[][] rows =
        [
            [1, 2, 3, 4], [1e6, 1e6 + 1, 1e6 + 2, 1e6 - 1], [-1e6, -1e6 + 1, -1e6 + 2, -1e6 - 1], [1000, 1001, 999, -1000], [90, -90, 0, -0.0],
            [-Infinity, 1, 2, -Infinity], [-Infinity, -Infinity, -Infinity, 0], [-Infinity, -Infinity, -Infinity, -Infinity],
            [Infinity, 1, 2, 3], [Infinity, Infinity, 0, -Infinity], [double.NaN, 1, 2, 3], [0, 1, 2, double.NaN], [1e-310, -1e-310, 0, 0], [5, 5, 5, 5],
        ];
        var x = Matrix<T>.Build.Dense(rows.Length, 4, (i, j) => T.CreateSaturating(rows[i][j]));
        Proof.Layer(Twins[name].Ours(), x, (x, _) => Twins[name].Torch(x), finiteDifferences: false);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_row_has_the_same_bits_whichever_rows_lie_beside_it(string name) => Any.Shape.ForAll(shape =>
    {
        var layer = Twins[name].Ours();
        var (x, dY) = (Any.Matrix<T>(3 * shape.Rows, 8 * shape.Columns, shape.Seed, 10), Any.Matrix<T>(3 * shape.Rows, 8 * shape.Columns, shape.Seed + 1));
        var (pass, alone) = (layer.NewPass(), layer.NewPass());
        var y = layer.Forward(x, pass);
        var dX = layer.Backward(pass, dY);
        for (var i = 0; i < x.RowCount; i++)
        {
            layer.Forward(x.SubMatrix(i, 1, 0, x.ColumnCount), alone).AsColumnMajorArray().Should().Equal(y.Row(i).ToArray());
            layer.Backward(alone, dY.SubMatrix(i, 1, 0, x.ColumnCount)).AsColumnMajorArray().Should().Equal(dX.Row(i).ToArray());
        }
    }, count: 30);

    [Theory]
    [MemberData(nameof(Names))]
    public void It_reads_as_its_constructor(string name)
    {
        var layer = Twins[name].Ours();
        layer.ToString().Should().Be(name);
        layer.Formula.Should().StartWith("y = ");
        layer.Derivative.Should().StartWith("dX = ");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_steady_step_does_not_allocate(string name) => Allocation.Of(Twins[name].Ours(), Any.Matrix<T>(7, 5, 1)).Should().Be(0);
}

public sealed class SoftmaxDoubleTests : SoftmaxTests<double>;

public sealed class SoftmaxSingleTests : SoftmaxTests<float>;

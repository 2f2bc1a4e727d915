using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class NLLLossTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // TorchSharp's nll_loss has no ignore_index and ignores -100; other indices are among the fixtures.
    [NeedsTorch]
    [Theory]
    [InlineData(Reduction.Mean, false)]
    [InlineData(Reduction.Mean, true)]
    [InlineData(Reduction.Sum, false)]
    [InlineData(Reduction.Sum, true)]
    public void Gradients_agree_with_PyTorch_and_finite_differences(Reduction reduction, bool weighted) => Any.Shape.ForAll(shape =>
    {
        var weight = weighted ? LossCases.Weights<T>(shape.Columns, shape.Seed + 2) : null;
        using var weightTorch = weight is null ? null : Proof.Tensor(weight.ToRowMatrix()).squeeze(0);
        Proof.Loss(new NLLLoss<T>(weight, reduction: reduction), -Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed, 4).PointwiseAbs(),
            LossCases.Classes<T>(shape.Rows, shape.Columns, shape.Seed + 1, ignored: -100),
            (p, t) => nn.functional.nll_loss(p, t.squeeze(1).to(ScalarType.Int64), weightTorch, reduction.InTorch()),
            (p, t) => nn.functional.nll_loss(p, t.squeeze(1).to(ScalarType.Int64), weightTorch, nn.Reduction.None));
    });
}

public sealed class NLLLossDoubleTests : NLLLossTests<double>
{
    [Fact]
    public void Classes_of_a_prediction_with_one_column_are_classes_too() =>
        new NLLLoss<double>(ignoreIndex: 5).Forward(Matrix<double>.Build.Dense(2, 1, [-0.5, -2]), Matrix<double>.Build.Dense(2, 1, [0, 5])).Should().Be(0.5);
}

public sealed class NLLLossSingleTests : NLLLossTests<float>;

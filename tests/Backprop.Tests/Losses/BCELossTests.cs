using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using Xunit;
using static TorchSharp.torch.nn;

namespace Backprop.Tests;

public abstract class BCELossTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Theory]
    [InlineData(Reduction.Mean)]
    [InlineData(Reduction.Sum)]
    public void Gradients_agree_with_PyTorch_and_finite_differences(Reduction reduction) => Any.Shape.ForAll(shape =>
        Proof.Loss(new BCELoss<T>(reduction), LossCases.Fractions<T>(shape.Rows, shape.Columns, shape.Seed), LossCases.Answers<T>(shape.Rows, shape.Columns, shape.Seed + 1),
            (p, t) => functional.binary_cross_entropy(p, t, null, reduction.InTorch()),
            (p, t) => functional.binary_cross_entropy(p, t, null, torch.nn.Reduction.None)));

    [NeedsTorch]
    [Fact]
    public void Certain_and_wrong_costs_100_and_has_PyTorchs_finite_gradient()
    {
        var (p, t) = (Matrix<T>.Build.Dense(1, 4, [T.Zero, T.One, T.Zero, T.One]), Matrix<T>.Build.Dense(1, 4, [T.One, T.Zero, T.Zero, T.One]));
        Proof.Loss(new BCELoss<T>(Reduction.Sum), p, t,
            (p, t) => functional.binary_cross_entropy(p, t, null, torch.nn.Reduction.Sum),
            (p, t) => functional.binary_cross_entropy(p, t, null, torch.nn.Reduction.None), finiteDifferences: false);
        new BCELoss<T>().Unreduced(p, t).ToArray().Should().BeEquivalentTo(new[,] { { T.CreateChecked(100), T.CreateChecked(100), T.Zero, T.Zero } });
        double.CreateChecked(new BCELoss<T>(Reduction.Sum).Backward(p, t)[0, 0]).Should().BeApproximately(-1e12, 1e4);
    }
}

public sealed class BCELossDoubleTests : BCELossTests<double>
{
    [Theory]
    [InlineData(1.5, 1, "BCELoss() expects probabilities, from 0 to 1, but prediction has 1.5 in row 1, column 0. (Parameter 'prediction')")]
    [InlineData(-1e-9, 1, "BCELoss() expects probabilities, from 0 to 1, but prediction has -1E-09 in row 1, column 0. (Parameter 'prediction')")]
    [InlineData(double.NaN, 1, "BCELoss() expects probabilities, from 0 to 1, but prediction has NaN in row 1, column 0. (Parameter 'prediction')")]
    [InlineData(0.5, 2, "BCELoss() expects probabilities, from 0 to 1, but target has 2 in row 1, column 0. (Parameter 'target')")]
    [InlineData(0.5, double.NaN, "BCELoss() expects probabilities, from 0 to 1, but target has NaN in row 1, column 0. (Parameter 'target')")]
    public void What_is_no_probability_is_named_and_nothing_changes(double p, double t, string message)
    {
        var prediction = Matrix<double>.Build.Dense(3, 1, [0.5, p, 0.5]);
        var target = Matrix<double>.Build.Dense(3, 1, [0, t, 1]);
        LossErrors.AreNamed(new BCELoss<double>(), prediction, target, message);
    }
}

public sealed class BCELossSingleTests : BCELossTests<float>;

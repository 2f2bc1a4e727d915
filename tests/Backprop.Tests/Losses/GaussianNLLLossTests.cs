using System.Numerics;
using FluentAssertions;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class GaussianNLLLossTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Theory]
    [InlineData(Reduction.Mean, false, false)]
    [InlineData(Reduction.Mean, true, false)]
    [InlineData(Reduction.Sum, false, false)]
    [InlineData(Reduction.Sum, true, true)]
    [InlineData(Reduction.Mean, false, true)]
    [InlineData(Reduction.Sum, false, true)]
    public void Gradients_agree_with_PyTorch_and_finite_differences(Reduction reduction, bool full, bool oneVariance) => Any.Shape.ForAll(shape =>
    {
        var means = Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed, 2);
        var variances = LossCases.Fractions<T>(shape.Rows, oneVariance ? 1 : shape.Columns, shape.Seed + 2) * T.CreateChecked(3);
        Proof.Loss(new GaussianNLLLoss<T>(full, reduction: reduction), means.Append(variances), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed + 1),
            (p, t) => reduction == Reduction.Mean ? Losses(p, t, full, 1e-6).mean() : Losses(p, t, full, 1e-6).sum(),
            (p, t) => Losses(p, t, full, 1e-6));
    });

    [NeedsTorch]
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Variances_below_epsilon_have_the_gradient_at_epsilon(bool oneVariance) => Any.Shape.ForAll(shape =>
    {
        var means = Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed, 2);
        var variances = LossCases.Answers<T>(shape.Rows, oneVariance ? 1 : shape.Columns, shape.Seed + 2);
        Proof.Loss(new GaussianNLLLoss<T>(epsilon: 0.5), means.Append(variances), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed + 1),
            (p, t) => Losses(p, t, false, 0.5).mean(), (p, t) => Losses(p, t, false, 0.5), finiteDifferences: false); // PyTorch's gradient passes through the limit
    });

    // TorchSharp's adds up the columns and gives the variance no gradient, so the twin is made from PyTorch's operations; PyTorch's own values are among the fixtures.
    private static Tensor Losses(Tensor p, Tensor t, bool full, double epsilon)
    {
        var k = t.shape[1];
        var (mean, variance) = (p.narrow(1, 0, k), p.narrow(1, k, p.shape[1] - k));
        variance = variance + (variance.clamp_min(epsilon) - variance).detach();
        return 0.5 * (log(variance) + (mean - t).square() / variance) + (full ? 0.5 * Math.Log(2 * Math.PI) : 0);
    }
}

public sealed class GaussianNLLLossDoubleTests : GaussianNLLLossTests<double>
{
    [Fact]
    public void A_negative_variance_is_named()
    {
        var prediction = Any.Matrix<double>(3, 4, 1).PointwiseAbs();
        prediction[0, 0] = -1; // a mean may be
        prediction[2, 3] = -0.5;
        LossErrors.AreNamed(new GaussianNLLLoss<double>(), prediction, Any.Matrix<double>(3, 2, 2),
            "GaussianNLLLoss() expects variances of at least 0, but prediction has -0.5 in row 2, column 3. (Parameter 'prediction')");
    }

    [Fact]
    public void Columns_that_are_not_means_and_variances_are_named() => LossErrors.AreNamed(
        new GaussianNLLLoss<double>(full: true), Any.Matrix<double>(3, 5, 1), Any.Matrix<double>(3, 2, 2),
        "GaussianNLLLoss(full) expects a prediction of 3x4, [means | variances], or 3x3, [means | one variance], for a 3x2 target, but it is 3x5. (Parameter 'prediction')");

    [Theory]
    [InlineData(0)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Epsilon_is_finite_and_above_0(double epsilon)
    {
        var act = () => new GaussianNLLLoss<double>(epsilon: epsilon);
        act.Should().Throw<ArgumentOutOfRangeException>().WithMessage("GaussianNLLLoss expects epsilon to be finite and above 0, but it is *. (Parameter 'epsilon')");
    }
}

public sealed class GaussianNLLLossSingleTests : GaussianNLLLossTests<float>;

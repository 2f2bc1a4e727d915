using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using Xunit;
using static TorchSharp.torch.nn;

namespace Backprop.Tests;

public abstract class KLDivLossTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Theory]
    [InlineData(Reduction.Mean)]
    [InlineData(Reduction.Sum)]
    public void Gradients_agree_with_PyTorch_and_finite_differences(Reduction reduction) => Any.Shape.ForAll(shape =>
        Proof.Loss(new KLDivLoss<T>(reduction), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed, 4), LossCases.Distributions<T>(shape.Rows, shape.Columns, shape.Seed + 1),
            (p, t) => functional.kl_div(p, t, log_target: false, reduction.InTorch()),
            (p, t) => functional.kl_div(p, t, log_target: false, torch.nn.Reduction.None)));

    [NeedsTorch]
    [Theory]
    [InlineData(Reduction.Mean)]
    [InlineData(Reduction.Sum)]
    public void Gradients_from_targets_that_are_logarithms_agree_too(Reduction reduction) => Any.Shape.ForAll(shape =>
        Proof.Loss(new KLDivLoss<T>(reduction, logTarget: true), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed, 4), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed + 1, 2),
            (p, t) => functional.kl_div(p, t, log_target: true, reduction.InTorch()),
            (p, t) => functional.kl_div(p, t, log_target: true, torch.nn.Reduction.None)));

    [NeedsTorch]
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gradients_of_the_mean_over_samples_agree_too(bool logTarget) => Any.Shape.ForAll(shape =>
    {
        var target = LossCases.Distributions<T>(shape.Rows, shape.Columns, shape.Seed + 1);
        Proof.Loss(KLDivLoss<T>.BatchMean(logTarget), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed, 4), target,
            (p, t) => functional.kl_div(p, t, logTarget, torch.nn.Reduction.Sum) / shape.Rows);
    });

    // Deviates from PyTorch, which gives NaN: 0 times infinity.
    [NeedsTorch]
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Where_the_target_is_0_so_is_the_loss_whatever_the_prediction(bool logTarget)
    {
        var p = Matrix<T>.Build.Dense(1, 4, [T.NegativeInfinity, T.NaN, T.CreateChecked(-1), T.NegativeInfinity]);
        var t = Matrix<T>.Build.Dense(1, 4, logTarget ? [T.NegativeInfinity, T.NegativeInfinity, T.NegativeInfinity, T.Zero] : [T.Zero, T.Zero, T.Zero, T.One]);
        var loss = new KLDivLoss<T>(Reduction.Sum, logTarget);
        loss.Unreduced(p, t).Enumerate().Should().Equal(T.Zero, T.Zero, T.Zero, T.PositiveInfinity);
        loss.Backward(p, t, Matrix<T>.Build.Dense(1, 4, T.NaN)).Enumerate().Should().Equal(T.Zero, T.Zero, T.Zero, T.NegativeOne);
        loss.Forward(p.SubMatrix(0, 1, 0, 3), t.SubMatrix(0, 1, 0, 3)).Should().Be(T.Zero);

        using var losses = functional.kl_div(Proof.Tensor(p), Proof.Tensor(t), logTarget, torch.nn.Reduction.None);
        losses.isnan().data<bool>().ToArray().Should().Equal([true, true, logTarget, false], "PyTorch multiplies 0 by what is not finite");
    }

    // Asked for the mean, libtorch writes a warning to the console, each time, that it is not batchmean.
    private static torch.Tensor Reduce(torch.Tensor losses, Reduction reduction) => reduction == Reduction.Mean ? losses.mean() : losses.sum();
}

public sealed class KLDivLossDoubleTests : KLDivLossTests<double>
{
    [Fact]
    public void A_target_that_is_no_probability_is_named() => LossErrors.AreNamed(
        new KLDivLoss<double>(Reduction.Sum), Any.Matrix<double>(2, 3, 1), Any.Matrix<double>(2, 3, 1) * 0 + 1.25,
        "KLDivLoss(sum) expects probabilities, from 0 to 1, but target has 1.25 in row 0, column 0. (Parameter 'target')");

    [Fact]
    public void Logarithms_may_be_anything()
    {
        var act = () => new KLDivLoss<double>(logTarget: true).Forward(Any.Matrix<double>(2, 3, 1), Any.Matrix<double>(2, 3, 1) - 5);
        act.Should().NotThrow();
    }
}

public sealed class KLDivLossSingleTests : KLDivLossTests<float>;

using System.Numerics;
using FluentAssertions;
using TorchSharp;
using Xunit;
using static TorchSharp.torch.nn;

namespace Backprop.Tests;

public abstract class BCEWithLogitsLossTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Theory]
    [InlineData(Reduction.Mean)]
    [InlineData(Reduction.Sum)]
    public void Gradients_agree_with_PyTorch_and_finite_differences(Reduction reduction) => Any.Shape.ForAll(shape =>
        Proof.Loss(new BCEWithLogitsLoss<T>(reduction), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed, 6), LossCases.Answers<T>(shape.Rows, shape.Columns, shape.Seed + 1),
            (p, t) => functional.binary_cross_entropy_with_logits(p, t, null, reduction.InTorch()),
            (p, t) => functional.binary_cross_entropy_with_logits(p, t, null, torch.nn.Reduction.None)));

    [NeedsTorch]
    [Theory]
    [InlineData(Reduction.Mean, false)]
    [InlineData(Reduction.Sum, false)]
    [InlineData(Reduction.Mean, true)]
    [InlineData(Reduction.Sum, true)]
    public void Gradients_with_weights_of_the_positive_answers_agree_too(Reduction reduction, bool oneForAll) => Any.Shape.ForAll(shape =>
    {
        var w = LossCases.Weights<T>(oneForAll ? 1 : shape.Columns, shape.Seed + 2);
        Proof.Loss(new BCEWithLogitsLoss<T>(reduction, w), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed, 6), LossCases.Answers<T>(shape.Rows, shape.Columns, shape.Seed + 1),
            (p, t) => functional.binary_cross_entropy_with_logits(p, t, null, reduction.InTorch(), Proof.Tensor(w.ToRowMatrix()).squeeze(0)),
            (p, t) => functional.binary_cross_entropy_with_logits(p, t, null, torch.nn.Reduction.None, Proof.Tensor(w.ToRowMatrix()).squeeze(0)));
    });
}

public sealed class BCEWithLogitsLossDoubleTests : BCEWithLogitsLossTests<double>
{
    [Fact]
    public void A_target_that_is_no_probability_is_named() => LossErrors.AreNamed(
        new BCEWithLogitsLoss<double>(), Any.Matrix<double>(2, 3, 1), Any.Matrix<double>(2, 3, 1) * 0 - 0.25,
        "BCEWithLogitsLoss() expects probabilities, from 0 to 1, but target has -0.25 in row 0, column 0. (Parameter 'target')");

    [Fact]
    public void A_wrong_number_of_weights_is_named() => LossErrors.AreNamed(
        new BCEWithLogitsLoss<double>(posWeight: Any.Vector<double>(2, 1).Map(_ => 1.5)), Any.Matrix<double>(2, 3, 1), LossCases.Answers<double>(2, 3, 1),
        "BCEWithLogitsLoss(posWeight: [1.5, 1.5]) expects 2 columns, one for each weight, but prediction is 2x3. (Parameter 'prediction')");

    [Fact]
    public void A_small_loss_keeps_all_its_digits()
    {
        // log(1 + e^-40) and its derivative: where 1 and e^-40 would be added, nothing of e^-40 would be left.
        var (p, t) = (Any.Matrix<double>(1, 1, 1) * 0 - 40, Any.Matrix<double>(1, 1, 1) * 0);
        new BCEWithLogitsLoss<double>().Forward(p, t).Should().BeApproximately(Math.Exp(-40), 1e-31);
        new BCEWithLogitsLoss<double>().Backward(p, t)[0, 0].Should().BeApproximately(Math.Exp(-40), 1e-31);
        new BCEWithLogitsLoss<double>().Backward(-p, 1 - t)[0, 0].Should().BeApproximately(-Math.Exp(-40), 1e-31);
    }
}

public sealed class BCEWithLogitsLossSingleTests : BCEWithLogitsLossTests<float>;

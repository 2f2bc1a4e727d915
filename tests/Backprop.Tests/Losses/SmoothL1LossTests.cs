using System.Numerics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch.nn;

namespace Backprop.Tests;

public abstract class SmoothL1LossTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Theory]
    [InlineData(Reduction.Mean, 1)]
    [InlineData(Reduction.Sum, 1)]
    [InlineData(Reduction.Mean, 0.5)]
    [InlineData(Reduction.Sum, 2.5)]
    public void Gradients_agree_with_PyTorch_and_finite_differences(Reduction reduction, double beta) => Any.Shape.ForAll(shape =>
    {
        var target = Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed);
        var error = Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed + 1, 4); // stays off the multiples of 1/2, where the kinks are
        Proof.Loss(new SmoothL1Loss<T>(reduction, beta), target + error, target,
            (p, t) => functional.smooth_l1_loss(p, t, reduction.InTorch(), beta),
            (p, t) => functional.smooth_l1_loss(p, t, torch.nn.Reduction.None, beta));
    });
}

public sealed class SmoothL1LossDoubleTests : SmoothL1LossTests<double>;

public sealed class SmoothL1LossSingleTests : SmoothL1LossTests<float>;

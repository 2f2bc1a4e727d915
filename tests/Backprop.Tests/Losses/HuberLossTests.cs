using System.Numerics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch.nn;

namespace Backprop.Tests;

public abstract class HuberLossTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Theory]
    [InlineData(Reduction.Mean, 1)]
    [InlineData(Reduction.Sum, 1)]
    [InlineData(Reduction.Mean, 0.5)]
    [InlineData(Reduction.Sum, 2.5)]
    public void Gradients_agree_with_PyTorch_and_finite_differences(Reduction reduction, double delta) => Any.Shape.ForAll(shape =>
    {
        var target = Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed);
        var error = Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed + 1, 4); // stays off the multiples of 1/2, where the kinks are
        Proof.Loss(new HuberLoss<T>(reduction, delta), target + error, target,
            (p, t) => functional.huber_loss(p, t, delta, reduction.InTorch()),
            (p, t) => functional.huber_loss(p, t, delta, torch.nn.Reduction.None));
    });
}

public sealed class HuberLossDoubleTests : HuberLossTests<double>;

public sealed class HuberLossSingleTests : HuberLossTests<float>;

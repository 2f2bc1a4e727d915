using System.Numerics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch.nn;

namespace Backprop.Tests;

public abstract class MSELossTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Theory]
    [InlineData(Reduction.Mean)]
    [InlineData(Reduction.Sum)]
    public void Gradients_agree_with_PyTorch_and_finite_differences(Reduction reduction) => Any.Shape.ForAll(shape =>
    {
        var target = Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed);
        var error = Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed + 1, 3);
        Proof.Loss(new MSELoss<T>(reduction), target + error, target,
            (p, t) => functional.mse_loss(p, t, reduction.InTorch()),
            (p, t) => functional.mse_loss(p, t, torch.nn.Reduction.None));
    });
}

public sealed class MSELossDoubleTests : MSELossTests<double>;

public sealed class MSELossSingleTests : MSELossTests<float>;

using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>A steady training step - forward, loss, backward, optimizer - with a reused pass allocates nothing.</summary>
public abstract class AllocationTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    [Theory]
    [InlineData(8, 1, 1, 1)]
    [InlineData(4, 2, 8, 1)]
    [InlineData(32, 64, 32, 10)]
    [InlineData(64, 784, 128, 10)]
    [InlineData(16, 784, 512, 512, 10)]
    [InlineData(1, 784, 128, 10)]
    public void A_training_step_allocates_nothing(int batch, params int[] widths)
    {
        var model = new Sequential<T>();
        for (var i = 0; i + 1 < widths.Length; i++)
        {
            if (i > 0) model.Add(new Sigmoid<T>());
            model.Add(new Linear<T>(widths[i], widths[i + 1]));
        }

        Matrix<T> x = Any.Matrix<T>(batch, widths[0], 1), y = Any.Matrix<T>(batch, widths[^1], 2), dY = y.Clone();
        // The last batch of an epoch is shorter: two shapes take turns.
        Matrix<T> xLast = Any.Matrix<T>((batch + 1) / 2, widths[0], 3), yLast = Any.Matrix<T>((batch + 1) / 2, widths[^1], 4), dYLast = yLast.Clone();
        var (loss, sgd, pass) = (new MSELoss<T>(), new SGD<T>(model.Parameters, learningRate: 0.01), model.NewPass());
        Epoch();
        Epoch();

        Allocation.Least(() =>
        {
            for (var i = 0; i < 3; i++) Epoch();
        }).Should().Be(0);

        void Epoch()
        {
            Step(x, y, dY);
            Step(xLast, yLast, dYLast);
        }

        void Step(Matrix<T> input, Matrix<T> target, Matrix<T> gradient)
        {
            var yHat = model.Forward(input, pass);
            loss.Forward(yHat, target);
            sgd.ZeroGradients();
            model.AccumulateGradients(pass, loss.Backward(yHat, target, gradient));
            sgd.Step();
        }
    }
}

public sealed class AllocationDoubleTests : AllocationTests<double>;

public sealed class AllocationSingleTests : AllocationTests<float>;

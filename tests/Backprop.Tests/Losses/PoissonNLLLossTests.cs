using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class PoissonNLLLossTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Theory]
    [InlineData(Reduction.Mean, false)]
    [InlineData(Reduction.Mean, true)]
    [InlineData(Reduction.Sum, false)]
    [InlineData(Reduction.Sum, true)]
    public void Gradients_agree_with_PyTorch_and_finite_differences(Reduction reduction, bool full) => Any.Shape.ForAll(shape =>
        Proof.Loss(new PoissonNLLLoss<T>(full: full, reduction: reduction), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed, 2), Counts(shape.Rows, shape.Columns, shape.Seed + 1),
            (p, t) => nn.functional.poisson_nll_loss(p, t, full: full, reduction: reduction.InTorch()),
            (p, t) => nn.functional.poisson_nll_loss(p, t, full: full, reduction: nn.Reduction.None)));

    // TorchSharp's drops eps where the prediction is the rate, so the twin is made from PyTorch's operations; PyTorch's own values are among the fixtures.
    [NeedsTorch]
    [Theory]
    [InlineData(Reduction.Mean, false, 1e-8)]
    [InlineData(Reduction.Mean, true, 0.125)]
    [InlineData(Reduction.Sum, false, 0.125)]
    [InlineData(Reduction.Sum, true, 1e-8)]
    public void Gradients_from_rates_agree_too(Reduction reduction, bool full, double epsilon) => Any.Shape.ForAll(shape =>
    {
        var rates = LossCases.Fractions<T>(shape.Rows, shape.Columns, shape.Seed) * T.CreateChecked(4);
        Tensor Losses(Tensor p, Tensor t)
        {
            var stirling = where(t > 1, t * log(t) - t + 0.5 * log(2 * Math.PI * t), zeros_like(t));
            return p - t * log(p + epsilon) + (full ? stirling : zeros_like(t));
        }

        Proof.Loss(new PoissonNLLLoss<T>(logInput: false, full, epsilon, reduction), rates, Counts(shape.Rows, shape.Columns, shape.Seed + 1),
            (p, t) => reduction == Reduction.Mean ? Losses(p, t).mean() : Losses(p, t).sum(), Losses);
    });

    private static Matrix<T> Counts(int rows, int columns, int seed)
    {
        var random = new Random(seed);
        return Matrix<T>.Build.Dense(rows, columns, (_, _) => T.CreateChecked(random.Next(6)));
    }
}

public sealed class PoissonNLLLossDoubleTests : PoissonNLLLossTests<double>
{
    [Theory]
    [InlineData(-1.0)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Epsilon_is_finite_and_not_negative(double epsilon)
    {
        var act = () => new PoissonNLLLoss<double>(logInput: false, epsilon: epsilon);
        act.Should().Throw<ArgumentOutOfRangeException>().WithMessage("PoissonNLLLoss expects epsilon to be finite and at least 0, but it is *. (Parameter 'epsilon')");
    }
}

public sealed class PoissonNLLLossSingleTests : PoissonNLLLossTests<float>;

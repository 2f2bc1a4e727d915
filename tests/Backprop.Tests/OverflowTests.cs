using Backprop.Kernels;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

/// <summary>Outside the kernels, a size that no int can hold is refused, never wrapped to a small one.</summary>
public sealed class OverflowTests
{
    [Fact]
    public void Columns_that_multiply_beyond_an_int_throw()
    {
        var embedding = new Embedding<float>(2, 1 << 16);
        embedding.Invoking(layer => layer.OutputColumns(1 << 16)).Should().Throw<OverflowException>();
    }

    [Fact]
    public void A_parameter_beyond_an_array_is_refused()
    {
        var act = () => new MatrixParameter<float>("weight", 1 << 16, 1 << 16);
        act.Should().Throw<ArgumentOutOfRangeException>().WithMessage("weight expects at most 2147483591 values, but is 65536x65536. (Parameter 'columns')");
    }

    [Fact]
    public void A_result_beyond_an_array_is_refused()
    {
        var act = () => default(ReusedMatrix<float>).Get(1 << 16, 1 << 16);
        act.Should().Throw<ArgumentOutOfRangeException>().WithMessage("A result of 65536x65536 has more entries than an array has room for. (Parameter 'columns')");
    }

    [Fact]
    public void The_annealing_of_a_great_many_epochs_does_not_wrap()
    {
        var optimizer = new SGD<double>(new Linear<double>(1, 1).Parameters, learningRate: 1);
        var scheduler = new CosineAnnealingLR(optimizer, tMax: int.MaxValue);
        scheduler.Step();
        optimizer.LearningRate.Should().BeApproximately(1, 1e-15);
    }
}

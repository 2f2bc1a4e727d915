using System.Numerics;
using CsCheck;
using FluentAssertions;
using TorchSharp;
using Xunit;

namespace Backprop.Tests;

public abstract class GradientClippingTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Gen<double> NormType = Gen.OneOf(Gen.Const(2.0), Gen.Const(1.0), Gen.Const(double.PositiveInfinity), Gen.Const(3.0), Gen.Const(0.5));

    [Fact]
    public void By_norm_agrees_with_PyTorch() => Gen.Select(Trajectory.Shape, Gen.Double[0.01, 20], NormType).ForAll(with =>
    {
        var (shape, maxNorm, normType) = with;
        using var scope = torch.NewDisposeScope();
        var parameters = Trajectory.Parameters<T>(shape);
        Trajectory.SetGradients(parameters, shape.Seed);
        var twins = Twins(parameters);
        var norm = GradientClipping.ByNorm(parameters, maxNorm, normType);
        var expected = torch.nn.utils.clip_grad_norm_(twins, maxNorm, normType);
        Proof.Compare<T>("GradientClipping", "norm", [norm], [1], torch.tensor([expected]));
        for (var i = 0; i < twins.Length; i++) Proof.Compare<T>("GradientClipping", "by norm", parameters[i].Gradients, [parameters[i].Count], twins[i].grad!);
    });

    [Fact]
    public void By_value_agrees_with_PyTorch() => Gen.Select(Trajectory.Shape, Gen.Double[0, 1.1]).ForAll(with =>
    {
        var (shape, value) = with;
        using var scope = torch.NewDisposeScope();
        var parameters = Trajectory.Parameters<T>(shape);
        Trajectory.SetGradients(parameters, shape.Seed);
        parameters[0].Gradients[0] = T.PositiveInfinity;
        var twins = Twins(parameters);
        GradientClipping.ByValue(parameters, value);
        torch.nn.utils.clip_grad_value_(twins, value);
        for (var i = 0; i < twins.Length; i++) Proof.Compare<T>("GradientClipping", "by value", parameters[i].Gradients, [parameters[i].Count], twins[i].grad!);
    });

    [Theory]
    [InlineData(2, 5)]
    [InlineData(1, 7)]
    [InlineData(double.PositiveInfinity, 4)]
    public void A_norm_of_exactly_the_maximum_still_shrinks_a_little(double normType, double norm)
    {
        var p = Parameter(3, -4);
        GradientClipping.ByNorm([p], norm, normType).Should().Be(T.CreateChecked(norm));
        var coefficient = T.CreateChecked(norm) / (T.CreateChecked(norm) + T.CreateChecked(1e-6));
        p.Gradients.ToArray().Should().Equal(T.CreateChecked(3) * coefficient, T.CreateChecked(-4) * coefficient);
        p.Gradients[0].Should().BeLessThan(T.CreateChecked(3));
    }

    [Fact]
    public void A_smaller_norm_leaves_the_gradients_alone()
    {
        var p = Parameter(3, -4);
        GradientClipping.ByNorm([p], 5.1).Should().Be(T.CreateChecked(5));
        GradientClipping.ByNorm([p], double.PositiveInfinity).Should().Be(T.CreateChecked(5));
        p.Gradients.ToArray().Should().Equal(T.CreateChecked(3), T.CreateChecked(-4));
        GradientClipping.ByNorm(Array.Empty<Parameter<T>>(), 1).Should().Be(T.Zero);
    }

    [Fact]
    public void The_norm_is_that_of_all_parameters_together()
    {
        Parameter<T>[] parameters = [.. Enumerable.Range(0, 3).Select(i => new VectorParameter<T>("p", 3000))];
        foreach (var p in parameters) p.Gradients.Fill(T.CreateChecked(0.1));
        double.CreateChecked(GradientClipping.ByNorm(parameters, 1)).Should().BeApproximately(Math.Sqrt(9000 * 0.01), 1e-5);
        double.CreateChecked(GradientClipping.ByNorm(parameters, 1)).Should().BeApproximately(1, 1e-5);
    }

    [Fact]
    public void What_is_not_finite_flows_or_is_an_error_that_changes_nothing()
    {
        var infinite = Parameter(1, double.PositiveInfinity);
        var clip = () => GradientClipping.ByNorm([infinite], 1, errorIfNonFinite: true);
        clip.Should().Throw<InvalidOperationException>().WithMessage("The gradients' norm of order 2 is Infinity, so they cannot be clipped.");
        infinite.Gradients.ToArray().Should().Equal(T.One, T.PositiveInfinity);

        T.IsPositiveInfinity(GradientClipping.ByNorm([infinite], 1)).Should().BeTrue();
        infinite.Gradients[0].Should().Be(T.Zero);
        T.IsNaN(infinite.Gradients[1]).Should().BeTrue();

        var huge = typeof(T) == typeof(float) ? 1e20 : 1e200;    // whose square is infinite, for PyTorch too
        T.IsPositiveInfinity(GradientClipping.ByNorm([Parameter(huge, huge)], 1)).Should().BeTrue();

        var nan = Parameter(1, double.NaN);
        GradientClipping.ByValue([nan], 0.5);
        nan.Gradients[0].Should().Be(T.CreateChecked(0.5));
        T.IsNaN(nan.Gradients[1]).Should().BeTrue();
        T.IsNaN(GradientClipping.ByNorm([nan], 1, double.PositiveInfinity)).Should().BeTrue();
        T.IsNaN(nan.Gradients[0]).Should().BeTrue();
    }

    [Fact]
    public void Bounds_that_are_none_are_refused()
    {
        Parameter<T>[] p = [Parameter(1, 2)];
        Action[] clip =
        [
            () => GradientClipping.ByNorm(p, -1), () => GradientClipping.ByNorm(p, double.NaN), () => GradientClipping.ByNorm(p, 1, 0),
            () => GradientClipping.ByValue(p, -1), () => GradientClipping.ByValue(p, double.NaN),
        ];
        string[] messages =
        [
            "maxNorm to be at least 0, but it is -1. (Parameter 'maxNorm')", "maxNorm to be at least 0, but it is NaN. (Parameter 'maxNorm')", "normType to be above 0, but it is 0. (Parameter 'normType')",
            "clipValue to be at least 0, but it is -1. (Parameter 'clipValue')", "clipValue to be at least 0, but it is NaN. (Parameter 'clipValue')",
        ];
        for (var i = 0; i < clip.Length; i++) clip[i].Should().Throw<ArgumentOutOfRangeException>().WithMessage($"GradientClipping expects {messages[i]}");
        p[0].Gradients.ToArray().Should().Equal(T.One, T.CreateChecked(2));
    }

    private static VectorParameter<T> Parameter(double first, double second)
    {
        var p = new VectorParameter<T>("p", 2);
        (p.Gradients[0], p.Gradients[1]) = (T.CreateSaturating(first), T.CreateSaturating(second));
        return p;
    }

    private static TorchSharp.Modules.Parameter[] Twins(Parameter<T>[] parameters) => [.. parameters.Select(parameter =>
    {
        var gradient = Proof.Tensor(MathNet.Numerics.LinearAlgebra.Matrix<T>.Build.Dense(parameter.Count, 1, parameter.Gradients.ToArray())).reshape(parameter.Count);
        return new TorchSharp.Modules.Parameter(gradient.clone()) { grad = gradient };
    })];
}

public sealed class GradientClippingDoubleTests : GradientClippingTests<double>;

public sealed class GradientClippingSingleTests : GradientClippingTests<float>;

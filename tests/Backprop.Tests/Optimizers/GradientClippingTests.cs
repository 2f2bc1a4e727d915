using System.Numerics;
using CsCheck;
using FluentAssertions;
using TorchSharp;
using Xunit;

namespace Backprop.Tests;

public abstract class GradientClippingTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Gen<double> NormType = Gen.OneOf(Gen.Const(2.0), Gen.Const(1.0), Gen.Const(double.PositiveInfinity), Gen.Const(3.0), Gen.Const(0.5));

    [NeedsTorch]
    [Fact]
    public void A_factor_of_few_digits_loses_none()
    {
        var (huge, tolerance) = typeof(T) == typeof(float) ? (1e30, 1e-6) : (1e300, 1e-14);
        var parameter = new VectorParameter<T>("p", 2);
        parameter.Gradients[0] = T.CreateChecked(3 * huge);
        parameter.Gradients[1] = T.CreateChecked(-4 * huge);
        GradientClipping.ByNorm([parameter], 1e-11);
        double.CreateChecked(parameter.Gradients[0]).Should().BeApproximately(0.6e-11, 0.6e-11 * tolerance);
        double.CreateChecked(parameter.Gradients[1]).Should().BeApproximately(-0.8e-11, 0.8e-11 * tolerance);
    }

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
        Proof.Compare<T>("GradientClipping", "norm", [T.CreateChecked(norm)], [1], torch.tensor([expected]));
        for (var i = 0; i < twins.Length; i++) Proof.Compare<T>("GradientClipping", "by norm", parameters[i].Gradients, [parameters[i].Count], twins[i].grad!);
    });

    [NeedsTorch]
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
        GradientClipping.ByNorm([p], norm, normType).Should().Be(norm);
        var coefficient = T.CreateChecked(norm / (norm + 1e-6));
        p.Gradients.ToArray().Should().Equal(T.CreateChecked(3) * coefficient, T.CreateChecked(-4) * coefficient);
        p.Gradients[0].Should().BeLessThan(T.CreateChecked(3));
    }

    /// <summary>So a clipped training has the same bits on processors with narrower and wider vectors.</summary>
    [Theory]
    [InlineData(7)]
    [InlineData(513)]
    [InlineData(5003)]
    public void The_norm_is_summed_in_an_order_that_no_vector_width_changes(int count)
    {
        var parameter = new VectorParameter<T>("w", count);
        Any.Matrix<T>(count, 1, 3).AsColumnMajorArray().CopyTo(parameter.Gradients);
        double squares = 0, magnitudes = 0;
        foreach (var stretch in parameter.Gradients.ToArray().Select(double.CreateChecked).Chunk(512))
        {
            squares += Kernels.Reference.Sum([.. stretch.Select(g => g * g)]);
            magnitudes += Kernels.Reference.Sum([.. stretch.Select(Math.Abs)]);
        }

        GradientClipping.ByNorm([parameter], double.MaxValue).Should().Be(Math.Sqrt(squares));
        GradientClipping.ByNorm([parameter], double.MaxValue, normType: 1).Should().Be(magnitudes);
    }

    [Fact]
    public void A_smaller_norm_leaves_the_gradients_alone()
    {
        var p = Parameter(3, -4);
        GradientClipping.ByNorm([p], 5.1).Should().Be(5);
        GradientClipping.ByNorm([p], double.PositiveInfinity).Should().Be(5);
        p.Gradients.ToArray().Should().Equal(T.CreateChecked(3), T.CreateChecked(-4));
        GradientClipping.ByNorm(Array.Empty<Parameter<T>>(), 1).Should().Be(0);
    }

    [Fact]
    public void The_norm_is_that_of_all_parameters_together()
    {
        Parameter<T>[] parameters = [.. Enumerable.Range(0, 3).Select(i => new VectorParameter<T>("p", 3000))];
        foreach (var p in parameters) p.Gradients.Fill(T.CreateChecked(0.1));
        GradientClipping.ByNorm(parameters, 1).Should().BeApproximately(Math.Sqrt(9000 * 0.01), 1e-5);
        GradientClipping.ByNorm(parameters, 1).Should().BeApproximately(1, 1e-5);
    }

    [Fact]
    public void What_is_not_finite_flows_or_is_an_error_that_changes_nothing()
    {
        var infinite = Parameter(1, double.PositiveInfinity, "bias");
        var clip = () => GradientClipping.ByNorm([Parameter(1, 2), infinite], 1, errorIfNonFinite: true);
        clip.Should().Throw<InvalidOperationException>().WithMessage("The gradients' norm of order 2 is Infinity, so they cannot be clipped; bias (2) is the first whose gradient is not finite.");
        infinite.Gradients.ToArray().Should().Equal(T.One, T.PositiveInfinity);

        GradientClipping.ByNorm([infinite], 1).Should().Be(double.PositiveInfinity);
        infinite.Gradients[0].Should().Be(T.Zero);
        T.IsNaN(infinite.Gradients[1]).Should().BeTrue();

        var nan = Parameter(1, double.NaN);
        GradientClipping.ByValue([nan], 0.5);
        nan.Gradients[0].Should().Be(T.CreateChecked(0.5));
        T.IsNaN(nan.Gradients[1]).Should().BeTrue();
        GradientClipping.ByNorm([nan], 1, double.PositiveInfinity).Should().Be(double.NaN);
        T.IsNaN(nan.Gradients[0]).Should().BeTrue();
    }

    /// <summary>In PyTorch the squares of floats overflow, the norm is infinite and the gradients become 0.</summary>
    [Theory]
    [InlineData(1e20, 2)]
    [InlineData(3e38, 2)]      // a norm that no float can hold
    [InlineData(3e38, 1)]
    [InlineData(1e20, 3)]
    [InlineData(1e20, double.PositiveInfinity)]
    public void A_norm_whose_powers_overflow_is_what_it_should_be(double size, double normType)
    {
        // For double, as far beyond its squares as that is beyond a float's.
        if (typeof(T) == typeof(double)) size *= 1e269;
        var p = Parameter(size, -size);
        var norm = size * (double.IsInfinity(normType) ? 1 : Math.Pow(2, 1 / normType));
        if (double.IsInfinity(norm)) return;    // the sum of magnitudes has no number
        GradientClipping.ByNorm([p], 1, normType).Should().BeApproximately(norm, norm * 1e-6);
        GradientClipping.ByNorm([p], double.PositiveInfinity, normType).Should().BeApproximately(1, 1e-6);
        p.Gradients[1].Should().Be(-p.Gradients[0]);
    }

    [Fact]
    public void A_norm_whose_squares_underflow_is_what_it_should_be()
    {
        var size = typeof(T) == typeof(float) ? 1e-30 : 1e-200;
        GradientClipping.ByNorm([Parameter(3 * size, 4 * size)], 1).Should().BeApproximately(5 * size, 1e-6 * size);
        GradientClipping.ByNorm([Parameter(0, 0)], 1).Should().Be(0);
    }

    [Fact]
    public void A_frozen_gradient_counts_in_no_norm_and_stays()
    {
        var (p, frozen) = (Parameter(3, -4), Parameter(double.PositiveInfinity, 7));
        frozen.Frozen = true;
        GradientClipping.ByNorm([frozen, p], 1, errorIfNonFinite: true).Should().Be(5);
        GradientClipping.ByValue([frozen], 0.5);
        frozen.Gradients.ToArray().Should().Equal(T.PositiveInfinity, T.CreateChecked(7));
        p.Gradients[0].Should().BeLessThan(T.One);
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

    private static VectorParameter<T> Parameter(double first, double second, string name = "p")
    {
        var p = new VectorParameter<T>(name, 2);
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

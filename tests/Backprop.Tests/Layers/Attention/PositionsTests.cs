using System.Numerics;
using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class PositionsTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Gen<(int Sequences, int Steps, int Columns, int Seed)> Cases = Gen.Select(Gen.Int[1, 4], Any.Size, Any.Size, Gen.Int[0, int.MaxValue - 1]);

    [NeedsTorch]
    [Fact]
    public void Learned_ones_agree_with_PyTorch_and_finite_differences() => Cases.ForAll(one =>
    {
        // Longer than the batch's only sequence, now and then.
        var more = one.Sequences == 1 ? one.Seed % 3 : 0;
        var layer = new PositionalEmbedding<T>(one.Steps + more, one.Columns, new Generator(one.Seed));
        Proof.Layer(layer, Any.Matrix<T>(one.Sequences * one.Steps, one.Columns, one.Seed), (x, p) =>
            (x.reshape(one.Sequences, one.Steps, one.Columns) + p["weight"].index_select(0, arange(one.Steps))).reshape(x.shape), one.Seed);
    });

    [NeedsTorch]
    [Fact]
    public void Waves_agree_with_PyTorch_and_finite_differences() => Cases.ForAll(one =>
    {
        var layer = new SinusoidalPositions<T>(one.Steps, one.Columns, waveBase: 50);
        Proof.Layer(layer, Any.Matrix<T>(one.Sequences * one.Steps, one.Columns, one.Seed), (x, _) =>
        {
            var angles = arange(one.Steps, dtype: float64).reshape(-1, 1) * pow(50.0, arange(one.Columns, dtype: float64).div(2, RoundingMode.floor) * -2 / one.Columns).reshape(1, -1);
            var table = where(arange(one.Columns).remainder(2).eq(0), angles.sin(), angles.cos()).to(x.dtype);
            return (x.reshape(one.Sequences, one.Steps, one.Columns) + table).reshape(x.shape);
        }, one.Seed);
    });

    [Fact]
    public void Waves_are_those_of_the_paper()
    {
        var y = new SinusoidalPositions<T>(4, 6).Forward(Matrix<T>.Build.Dense(4, 6));
        for (var t = 0; t < 4; t++)
        {
            for (var i = 0; i < 3; i++)
            {
                var angle = t / Math.Pow(10000, 2 * i / 6.0);
                double.CreateChecked(y[t, 2 * i]).Should().BeApproximately(Math.Sin(angle), 1e-7);
                double.CreateChecked(y[t, 2 * i + 1]).Should().BeApproximately(Math.Cos(angle), 1e-7);
            }
        }
    }

    [Fact]
    public void Initial_values_are_those_of_an_embedding() =>
        LayerFixture.Agrees<T>(new PositionalEmbedding<T>(6, 4, new Generator(11)).Weight.Value.ToRowMajorArray(), $"embedding 6 4");

    [Fact]
    public void A_steady_step_allocates_nothing()
    {
        Allocation.Of(new PositionalEmbedding<T>(5, 3), Any.Matrix<T>(10, 3, 1)).Should().Be(0);
        Allocation.Of(new SinusoidalPositions<T>(5, 3), Any.Matrix<T>(10, 3, 1)).Should().Be(0);
    }

    [Fact]
    public void A_frozen_weight_gets_no_gradient()
    {
        var layer = new PositionalEmbedding<T>(5, 3);
        layer.Freeze();
        var (pass, dY) = (layer.NewPass(), Any.Matrix<T>(10, 3, 2));
        layer.Forward(Any.Matrix<T>(10, 3, 1), pass);
        layer.Backward(pass, dY).Should().Be(dY);
        layer.Weight.Gradients.ToArray().Should().AllBeEquivalentTo(T.Zero);
    }
}

public sealed class PositionsDoubleTests : PositionsTests<double>
{
    [Fact]
    public void Bad_input_is_named()
    {
        Refuse(() => new PositionalEmbedding<double>(0, 1), "PositionalEmbedding(0 steps, 1) expects maxSteps to be at least 1.*");
        Refuse(() => new PositionalEmbedding<double>(2, 0), "PositionalEmbedding(2 steps, 0) expects embedDim to be at least 1.*");
        Refuse(() => new SinusoidalPositions<double>(-1, 1), "SinusoidalPositions(-1 steps, 1) expects maxSteps to be at least 1.*");
        Refuse(() => new SinusoidalPositions<double>(2, 0), "SinusoidalPositions(2 steps, 0) expects embedDim to be at least 1.*");
        Refuse(() => new SinusoidalPositions<double>(2, 2, 0), "SinusoidalPositions(2 steps, 2) expects waveBase to be finite and above 0, but it is 0. (Parameter 'waveBase')");
        Refuse(() => new PositionalEmbedding<double>(3, 2).Forward(Matrix<double>.Build.Dense(4, 2)), "PositionalEmbedding(3 steps, 2) expects the 3 rows of each sequence, or fewer of one alone, but there are 4 rows. (Parameter 'x')");
        Refuse(() => new SinusoidalPositions<double>(3, 2, 1.5).Forward(Matrix<double>.Build.Dense(4, 2)), "SinusoidalPositions(3 steps, 2, base 1.5) expects the 3 rows of each sequence, or fewer of one alone, but there are 4 rows. (Parameter 'x')");
        Refuse(() => new SinusoidalPositions<double>(3, 2).Forward(Matrix<double>.Build.Dense(3, 4)), "SinusoidalPositions(3 steps, 2) expects 2 input columns, but x is 3x4. (Parameter 'x')");
    }

    private static void Refuse<TResult>(Func<TResult> act, string message) => act.Should().Throw<ArgumentException>().WithMessage(message);
}

public sealed class PositionsSingleTests : PositionsTests<float>;

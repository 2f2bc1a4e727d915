using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>Layers in float beside their twins in double.</summary>
public sealed class GradientCheckTwinTests
{
    private static readonly Matrix<float> X = Any.Matrix<float>(5, 3, 1);

    private static Sequential<T> Model<T>(long seed) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var generator = new Generator(seed);
        return new() { { "hidden", new Linear<T>(3, 4, generator: generator) }, { "norm", new BatchNorm1d<T>(4) }, new GELU<T>(), new Dropout<T>(0.3, new Generator(seed)), { "out", new Linear<T>(4, 2, generator: generator) } };
    }

    [Fact]
    public void A_float_layer_gets_its_numbers_from_the_twin_and_neither_is_changed()
    {
        var (layer, twin) = (Model<float>(1), Model<double>(2));
        var norm = layer.Get<BatchNorm1d<float>>("norm");
        norm.RunningMean!.Value[2] = 0.5f;
        var (before, buffers, state) = (twin.Parameters.SelectMany(parameter => parameter.Values.ToArray()).ToArray(), twin.NamedBuffers().SelectMany(named => named.Buffer.Values.ToArray()).ToArray(), twin.Generators.Single().GetState());
        foreach (var training in (bool[])[true, false])
        {
            var report = GradientCheck.Run(layer, twin, X, training: training);
            report.ThrowIfFailed();
            report.Comparisons.Select(comparison => comparison.Name).Should().Equal(["y", "x", .. layer.NamedParameters().Select(named => named.Name)]);
            report.ToString().Should().Contain(": every gradient agrees with the twin's.\n  y: 10 entries agree; the worst, (").And.Contain(" by the twin.");
        }

        twin.Parameters.SelectMany(parameter => parameter.Values.ToArray()).Should().Equal(before);
        twin.NamedBuffers().SelectMany(named => named.Buffer.Values.ToArray()).Should().Equal(buffers);
        twin.Generators.Single().GetState().Should().Equal(state);
        twin.Parameters.SelectMany(parameter => parameter.Gradients.ToArray()).Should().OnlyContain(gradient => gradient == 0);
    }

    [Fact]
    public void A_wrong_gradient_in_float_is_described()
    {
        var twin = new OwnLayer<double>(OwnLayer<double>.Square, OwnLayer<double>.SquareBackward);
        GradientCheck.Run(new OwnLayer<float>(OwnLayer<float>.Square, (layer, pass, dY) => OwnLayer<float>.SquareBackward(layer, pass, dY) / 2), twin, X).ToString()
            .Should().Contain("dL/dx: the entry (").And.Contain(" by the twin. Every entry is 0.5 times what it should be: a factor.");
        GradientCheck.Run(new OwnLayer<float>((_, x, _) => x.PointwiseMultiply(x) + 1e-4f, OwnLayer<float>.SquareBackward), twin, X).ToString().Should().Contain("y: the entry (").And.Contain("by the twin");
        GradientCheck.Run(new OwnLayer<float>(OwnLayer<float>.Square, OwnLayer<float>.SquareBackward), new OwnLayer<double>(OwnLayer<double>.Square, (_, _, _) => null), X)
            .Problems.Should().ContainSingle().Which.Should().Be("The twin failed: OwnLayer() returned null as dL/dX, but it needs a dense 5x3 matrix, the shape of its input (NeedsInputGradient is true).");
    }

    [Fact]
    public void A_twin_that_does_not_fit_is_described()
    {
        GradientCheck.Run(new Linear<float>(3, 2), new Linear<double>(3, 4), X).Problems.Should().Equal("The parameter weight is (2, 3), but the twin's is (4, 3).", "The parameter bias is (2), but the twin's is (4).");
        GradientCheck.Run(new Linear<float>(3, 2), new Linear<double>(3, 2, bias: false), X).Problems.Should().Equal("The twin has no parameter bias.");
        GradientCheck.Run(new Linear<float>(3, 2, bias: false), new Linear<double>(3, 2), X).Problems.Should().Equal("The twin has a parameter bias, which the layer has not.");
        GradientCheck.Run(new BatchNorm1d<float>(3, trackRunningStats: false), new BatchNorm1d<double>(3), X).Problems.Should().Contain("The twin has a buffer running_mean, which the layer has not.");
        GradientCheck.Run(new Dropout<float>(0.2), new Identity<double>(), X).Problems.Should().Equal("The layer draws from 1 generators, but the twin from 0.");
        GradientCheck.Run(new ReLU<float>(), new OwnLayer<double>((_, x, _) => x.SubMatrix(0, x.RowCount, 0, 2), (_, _, dY) => dY, columns: _ => 2), X).Problems.Should().Equal("The output is 5x3, but the twin's is 5x2.");
    }

    [Fact]
    public void Arguments_are_checked()
    {
        ((Action)(() => GradientCheck.Run(new ReLU<float>(), null!, X))).Should().Throw<ArgumentNullException>();
        ((Action)(() => GradientCheck.Run(null!, new ReLU<double>(), X))).Should().Throw<ArgumentNullException>();
        ((Action)(() => GradientCheck.Run(new MSELoss<float>(), null!, X, X))).Should().Throw<ArgumentNullException>();
        ((Action)(() => GradientCheck.Run(new Linear<float>(2, 2), new Linear<double>(2, 2), X))).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void A_loss_in_float_has_its_twin_too()
    {
        var target = Any.Matrix<float>(5, 3, 2);
        GradientCheck.Run(new MSELoss<float>(), new MSELoss<double>(), X, target).ThrowIfFailed();
        GradientCheck.Run(new MSELoss<float>(), new MSELoss<double>(Reduction.Sum), X, target).ToString().Should().Contain("L: the entry (0, 0) is ").And.Contain("dL/dprediction: the entry (").And.Contain("Every entry is 0.06667 times what it should be: a factor.");
    }
}

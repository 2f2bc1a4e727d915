using System.Numerics;
using Backprop.Torch;
using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class BatchNorm1dTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Gen<(int Rows, int Columns, int Seed)> Batches = Any.Shape.Select(shape => (shape.Rows + 1, shape.Columns, shape.Seed));

    [NeedsTorch]
    [Fact]
    public void Gradients_in_training_agree_with_PyTorch_and_finite_differences() => Batches.ForAll(shape => Prove(shape, new BatchNorm1d<T>(shape.Columns)));

    [NeedsTorch]
    [Fact]
    public void Gradients_in_training_without_weight_and_bias_agree_too() => Batches.ForAll(shape => Prove(shape, new BatchNorm1d<T>(shape.Columns, affine: false)));

    [NeedsTorch]
    [Fact]
    public void Gradients_in_training_with_a_large_epsilon_agree_too() => Batches.ForAll(shape => Prove(shape, new BatchNorm1d<T>(shape.Columns, epsilon: 0.3)));

    [NeedsTorch]
    [Fact]
    public void Gradients_in_evaluation_agree_too() => Any.Shape.ForAll(shape => Prove(shape, new BatchNorm1d<T>(shape.Columns), training: false));

    [NeedsTorch]
    [Fact]
    public void Gradients_in_evaluation_without_weight_and_bias_agree_too() => Any.Shape.ForAll(shape => Prove(shape, new BatchNorm1d<T>(shape.Columns, affine: false), training: false));

    [NeedsTorch]
    [Fact]
    public void Without_running_statistics_evaluation_takes_the_batchs_own() => Batches.ForAll(shape =>
        Prove(shape, new BatchNorm1d<T>(shape.Columns, trackRunningStats: false), training: false));

    /// <summary>More rows and columns than any vector has lanes. Sums of 300 floats of both signs round 300 times: ten times the usual absolute bound.</summary>
    [NeedsTorch]
    [Theory]
    [InlineData(67, 5)]
    [InlineData(203, 1)]
    [InlineData(64, 16)]
    [InlineData(300, 131)]
    public void Large_shapes_agree_too(int rows, int columns) => Prove((rows, columns, rows), new BatchNorm1d<T>(columns), tolerance: Conditioning.Widened<T>(10), finiteDifferences: rows * columns < 400);

    /// <summary>
    /// Variance 0: x̂ is 0 up to the rounding of the mean, which r = 1/sqrt(eps) = 316 multiplies, as it does dX; hence, in float, 316 times the usual bound.
    /// </summary>
    [NeedsTorch]
    [Fact]
    public void Constant_columns_are_finite_and_agree() => Batches.ForAll(shape =>
    {
        var x = Matrix<T>.Build.Dense(shape.Rows, 1, T.One) * Any.Matrix<T>(1, shape.Columns, shape.Seed);
        Prove(shape, new BatchNorm1d<T>(shape.Columns), x, Conditioning.Widened<T>(316), finiteDifferences: false);
    });

    [NeedsTorch]
    [Fact]
    public void Running_statistics_follow_PyTorchs() => Batches.ForAll(shape =>
    {
        var layer = Conditioning.Vary<T, BatchNorm1d<T>>(new BatchNorm1d<T>(shape.Columns, momentum: shape.Seed % 3 == 0 ? null : 0.1 + shape.Seed % 7 / 10.0), shape.Seed);
        var pass = layer.NewPass();
        using var scope = NewDisposeScope();
        var type = typeof(T) == typeof(double) ? float64 : float32;
        var (mean, variance) = (zeros(shape.Columns, type), ones(shape.Columns, type));
        for (var step = 1; step <= 5; step++)
        {
            var x = Any.Matrix<T>(shape.Rows + step % 3, shape.Columns, shape.Seed + step, step);
            layer.Forward(x, pass);
            nn.functional.batch_norm(Proof.Tensor(x), mean, variance, null!, null!, training: true, momentum: layer.Momentum ?? 1.0 / step, eps: 1e-5);
            Proof.Compare<T>("BatchNorm1d", "running_mean", layer.RunningMean!.Values, [shape.Columns], mean);
            Proof.Compare<T>("BatchNorm1d", "running_var", layer.RunningVar!.Values, [shape.Columns], variance);
            layer.NumBatchesTracked!.Value.Should().Be(step);
        }

        var (meanBefore, varianceBefore) = (layer.RunningMean!.Value.Clone(), layer.RunningVar!.Value.Clone());
        layer.Forward(Any.Matrix<T>(1, shape.Columns, 1));
        layer.Backward(pass, pass.Output);
        layer.RunningMean.Value.Should().Equal(meanBefore, "neither evaluation nor a backward pass moves them");
        layer.RunningVar.Value.Should().Equal(varianceBefore);
        layer.NumBatchesTracked!.Value.Should().Be(5);
    });

    [Fact]
    public void Running_statistics_and_evaluation_are_those_of_PyTorch_itself()
    {
        foreach (var momentum in new double?[] { 0.1, 0.7, null })
        {
            var layer = new BatchNorm1d<T>(3, momentum: momentum);
            var (pass, x) = (layer.NewPass(), Matrix<T>.Build.Dense(1, 1));
            var name = momentum is double value ? $"{value}" : "None";
            for (var step = 0; step < 6; step++)
            {
                x = Matrix<T>.Build.Dense(2 + step, 3, (i, j) => T.CreateChecked((i * 3 + j * 5 + step * 7) % 11 / 4.0 - j));
                layer.Forward(x, pass);
                LayerFixture.Agrees<T>(layer.RunningMean!.Values, $"running_mean {name} {step}");
                LayerFixture.Agrees<T>(layer.RunningVar!.Values, $"running_var {name} {step}");
            }

            layer.NumBatchesTracked!.Value.Should().Be(LayerFixture.Count($"num_batches_tracked {name}"));
            LayerFixture.Agrees<T>(layer.Forward(x).ToRowMajorArray(), $"evaluation {name}");
        }
    }

    [Fact]
    public void Where_the_statistics_change_in_between_the_backward_pass_keeps_its_own()
    {
        var layer = new BatchNorm1d<T>(3);
        var (x, dY, pass) = (Any.Matrix<T>(4, 3, 1), Any.Matrix<T>(4, 3, 2), layer.NewPass(training: false));
        layer.Forward(x, pass);
        var expected = layer.Backward(pass, dY).Clone();
        layer.Forward(Any.Matrix<T>(9, 3, 3, 10), layer.NewPass());
        layer.Backward(pass, dY).Should().Be(expected);
    }

    [Fact]
    public void A_training_batch_of_one_is_an_error_and_changes_nothing()
    {
        var layer = new BatchNorm1d<T>(3);
        var act = () => layer.Forward(Any.Matrix<T>(1, 3, 1), layer.NewPass());
        act.Should().Throw<ArgumentException>().WithMessage("BatchNorm1d(3) expects at least 2 samples where it takes the batch's own statistics, but x is 1x3. (Parameter 'x')");
        layer.RunningMean!.Value.Should().Equal(new T[3]);
        layer.RunningVar!.Value.Should().Equal(T.One, T.One, T.One);
        layer.NumBatchesTracked!.Value.Should().Be(0);
        layer.Forward(Any.Matrix<T>(1, 3, 1)).RowCount.Should().Be(1, "evaluation needs no batch");

        var without = new BatchNorm1d<T>(3, trackRunningStats: false);
        act = () => without.Forward(Any.Matrix<T>(1, 3, 1));
        act.Should().Throw<ArgumentException>("PyTorch refuses that, too").WithMessage("BatchNorm1d(3, no running statistics) expects at least 2 samples *");
    }

    private static void Prove((int Rows, int Columns, int Seed) shape, BatchNorm1d<T> layer, Matrix<T>? input = null, Tolerance? tolerance = null, bool training = true, bool finiteDifferences = true)
    {
        Conditioning.Vary<T, BatchNorm1d<T>>(layer, shape.Seed);
        var x = input ?? Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed);
        var own = training || layer.RunningMean is null;
        using var scope = NewDisposeScope();
        Tensor? mean = null, variance = null;
        if (!own)
        {
            Any.Vector<T>(shape.Columns, shape.Seed + 5).CopyTo(layer.RunningMean!.Value);
            Any.Vector<T>(shape.Columns, shape.Seed + 6).PointwiseAbs().Add(T.CreateChecked(0.1)).CopyTo(layer.RunningVar!.Value);
            (mean, variance) = (Proof.Tensor(layer.RunningMean.Value.ToColumnMatrix()).reshape(-1), Proof.Tensor(layer.RunningVar.Value.ToColumnMatrix()).reshape(-1));
        }

        Proof.Layer(layer, x,
            (xTorch, p) => nn.functional.batch_norm(xTorch, mean!, variance!, p.GetValueOrDefault("weight")!, p.GetValueOrDefault("bias")!, own, 0.1, layer.Epsilon),
            shape.Seed, training, finiteDifferences: finiteDifferences, tolerance: tolerance ?? (own ? Conditioning.Of(x, rows: false, layer.Epsilon) : null));
    }
}

public sealed class BatchNorm1dDoubleTests : BatchNorm1dTests<double>
{
    [Fact]
    public void Its_buffers_have_PyTorchs_names_and_kinds()
    {
        var model = new Sequential<double> { { "hidden", new Linear<double>(2, 3) }, { "norm", new Sequential<double>(new BatchNorm1d<double>(3)) } };
        model.NamedParameters().Select(named => named.Name).Should().Equal("hidden.weight", "hidden.bias", "norm.0.weight", "norm.0.bias");
        var buffers = model.NamedBuffers().ToArray();
        buffers.Select(named => named.Name).Should().Equal("norm.0.running_mean", "norm.0.running_var", "norm.0.num_batches_tracked");
        buffers[0].Buffer.Should().BeOfType<VectorBuffer<double>>().Which.Shape.Should().Equal(3);
        buffers[1].Buffer.Should().BeOfType<VectorBuffer<double>>().Which.Values.ToArray().Should().Equal(1, 1, 1);
        buffers[2].Buffer.Should().BeOfType<CounterBuffer<double>>().Which.Shape.Should().BeEmpty();
        new BatchNorm1d<double>(3, trackRunningStats: false).NamedBuffers().Should().BeEmpty();
    }

    [Fact]
    public void It_writes_itself_as_its_constructor_reads()
    {
        $"{new BatchNorm1d<double>(3)}".Should().Be("BatchNorm1d(3)");
        $"{new BatchNorm1d<double>(3, 0.001, 0.5, affine: false)}".Should().Be("BatchNorm1d(3, epsilon 0.001, momentum 0.5, not affine)");
        $"{new BatchNorm1d<double>(3, momentum: null)}".Should().Be("BatchNorm1d(3, cumulative average)");
    }

    [Fact]
    public void Bad_input_is_named()
    {
        var act = () => new BatchNorm1d<double>(3).Forward(Any.Matrix<double>(2, 7, 1));
        act.Should().Throw<ArgumentException>().WithMessage("BatchNorm1d(3) expects 3 input columns, but x is 2x7. (Parameter 'x')");
        var size = () => new BatchNorm1d<double>(0);
        size.Should().Throw<ArgumentOutOfRangeException>().WithMessage("BatchNorm1d(0) expects numFeatures to be at least 1.*");
        var momentum = () => new BatchNorm1d<double>(3, momentum: 1.5);
        momentum.Should().Throw<ArgumentOutOfRangeException>().WithMessage("BatchNorm1d(3) expects momentum to be from 0 to 1, but it is 1.5. (Parameter 'momentum')");
        var epsilon = () => new BatchNorm1d<double>(3, epsilon: double.PositiveInfinity);
        epsilon.Should().Throw<ArgumentOutOfRangeException>().WithMessage("BatchNorm1d(3) expects epsilon to be finite and at least 0, but it is *. (Parameter 'epsilon')");
    }
}

public sealed class BatchNorm1dSingleTests : BatchNorm1dTests<float>
{
    /// <summary>Rounding carries the difference of two squares a little below 0, in one of some hundred columns.</summary>
    [Fact]
    public void A_column_that_never_changes_has_no_variance()
    {
        foreach (var rows in (int[])[3, 5, 6, 7, 10, 11, 13, 21, 37])
        {
            var layer = new BatchNorm1d<float>(300, momentum: 1);
            layer.Forward(Matrix<float>.Build.Dense(rows, 300, (_, j) => MathF.Sqrt(j + 0.1f)), layer.NewPass());
            layer.RunningVar!.Values.ToArray().Should().OnlyContain(variance => variance >= 0 && variance < 1e-9f);
        }
    }

    /// <summary>Half the distance between floats at 1e6: the running mean is the nearest one, though the sum that led to it was rounded many times.</summary>
    [Fact]
    public void The_running_mean_is_rounded_once()
    {
        var layer = new BatchNorm1d<float>(20, momentum: 1);
        var x = Any.Matrix<float>(3001, 20, 1, 8).Map(value => 1e6f + value);
        layer.Forward(x, layer.NewPass());
        for (var j = 0; j < 20; j++) ((double)layer.RunningMean!.Value[j]).Should().BeApproximately(x.Column(j).Average(value => (double)value), 1.0 / 32 + 1e-4);
    }

    /// <summary>As in LayerNorm: at 1e6 the judge is PyTorch in double from the same inputs.</summary>
    [NeedsTorch]
    [Fact]
    public void Large_offsets_lose_no_digits() => Any.Shape.ForAll(shape =>
    {
        var rows = shape.Rows + 2;
        var x = Any.Matrix<float>(rows, shape.Columns, shape.Seed, 8).Map(value => 1e6f + value);
        var layer = Conditioning.Vary<float, BatchNorm1d<float>>(new BatchNorm1d<float>(shape.Columns), shape.Seed);
        var (dY, pass) = (Any.Matrix<float>(rows, shape.Columns, 3), layer.NewPass());
        using var scope = NewDisposeScope();
        var (xTorch, w, b) = (Proof.Tensor(x).to(float64).requires_grad_(), tensor(layer.Weight!.Values.ToArray()).to(float64).requires_grad_(), tensor(layer.Bias!.Values.ToArray()).to(float64));
        var yTorch = nn.functional.batch_norm(xTorch, null!, null!, w, b, true, 0.1, 1e-5);
        yTorch.backward([Proof.Tensor(dY).to(float64)]);
        Proof.Compare("BatchNorm1d at 1e6", "y", layer.Forward(x, pass), yTorch);
        Proof.Compare("BatchNorm1d at 1e6", "dL/dx", layer.Backward(pass, dY), xTorch.grad!, Conditioning.Of(x.Map(value => value - 1e6f), rows: false, 1e-5));
        Proof.Compare<float>("BatchNorm1d at 1e6", "dL/dweight", layer.Weight.Gradients, [shape.Columns], w.grad!);
    });
}

using System.Numerics;
using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class ImageNormTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Gen<(ImageShape Input, int Groups, int Samples, int Seed)> Cases =
        from samples in Gen.OneOf(Gen.Int[1, 5], Gen.Int[6, 40])
        from groups in Gen.Int[1, 3]
        from channels in Gen.Int[1, 3]
        from height in Gen.Int[2, 5]
        from width in Gen.Int[1, 5]
        from seed in Gen.Int[0, 1000]
        select (new ImageShape(groups * channels, height, width), groups, samples, seed);

    private static readonly bool[] Modes = [true, false];

    private static ScalarType Type => typeof(T) == typeof(double) ? float64 : float32;

    [NeedsTorch]
    [Fact]
    public void Batch_normalisation_agrees_with_PyTorch_and_finite_differences_in_both_modes() => Cases.ForAll(c =>
    {
        var layer = Conditioning.Vary<T, BatchNorm2d<T>>(new(c.Input, affine: c.Seed % 3 > 0, trackRunningStats: c.Seed % 4 > 0), c.Seed);
        foreach (var training in Modes) Prove(layer, layer.RunningMean, layer.RunningVar, layer.Epsilon, c.Input, c.Samples, c.Seed, training, (x, mean, variance, own, p) =>
            nn.functional.batch_norm(x, mean, variance, p.GetValueOrDefault("weight")!, p.GetValueOrDefault("bias")!, own, 0.1, layer.Epsilon));
    });

    [NeedsTorch]
    [Fact]
    public void Group_normalisation_agrees_with_PyTorch_and_finite_differences() => Cases.ForAll(c =>
    {
        var layer = Conditioning.Vary<T, GroupNorm<T>>(new(c.Groups, c.Input, c.Seed % 2 == 0 ? 1e-5 : 0.3, affine: c.Seed % 3 > 0), c.Seed);
        var x = Any.Matrix<T>(c.Samples, c.Input.Columns, c.Seed);
        Proof.Layer(layer, x, (xTorch, p) => nn.functional.group_norm(Images.Of(xTorch, c.Input), c.Groups, p.GetValueOrDefault("weight"), p.GetValueOrDefault("bias"), layer.Epsilon).reshape(c.Samples, -1),
            c.Seed, finiteDifferences: Images.AreFew(c.Samples, c.Input), tolerance: Conditioning.Of(Groups(x, c.Groups), rows: true, layer.Epsilon));
    });

    [NeedsTorch]
    [Fact]
    public void Instance_normalisation_agrees_with_PyTorch_and_finite_differences_in_both_modes() => Cases.ForAll(c =>
    {
        var layer = Conditioning.Vary<T, InstanceNorm2d<T>>(new(c.Input, affine: c.Seed % 3 > 0, trackRunningStats: c.Seed % 4 > 0), c.Seed);
        foreach (var training in Modes) Prove(layer, layer.RunningMean, layer.RunningVar, layer.Epsilon, c.Input, c.Samples, c.Seed, training, (x, mean, variance, own, p) =>
            nn.functional.instance_norm(x, own ? null : mean, own ? null : variance, p.GetValueOrDefault("weight"), p.GetValueOrDefault("bias"), own, 0.1, layer.Epsilon));
    });

    [NeedsTorch]
    [Fact]
    public void Running_statistics_follow_PyTorchs() => Cases.ForAll(c =>
    {
        var batch = new BatchNorm2d<T>(c.Input, momentum: 0.3);
        var instance = new InstanceNorm2d<T>(c.Input, momentum: 0.3, trackRunningStats: true);
        using var scope = NewDisposeScope();
        Tensor[] means = [zeros(c.Input.Channels, Type), zeros(c.Input.Channels, Type)], variances = [ones(c.Input.Channels, Type), ones(c.Input.Channels, Type)];
        for (var step = 0; step < 3; step++)
        {
            var x = Any.Matrix<T>(c.Samples + step, c.Input.Columns, c.Seed + step, step + 1);
            batch.Forward(x, batch.NewPass());
            instance.Forward(x, instance.NewPass());
            nn.functional.batch_norm(Images.Of(Proof.Tensor(x), c.Input), means[0], variances[0], null!, null!, true, 0.3, 1e-5);
            nn.functional.instance_norm(Images.Of(Proof.Tensor(x), c.Input), means[1], variances[1], null, null, true, 0.3, 1e-5);
        }

        Proof.Compare<T>("BatchNorm2d", "running_mean", batch.RunningMean!.Values, [c.Input.Channels], means[0]);
        Proof.Compare<T>("BatchNorm2d", "running_var", batch.RunningVar!.Values, [c.Input.Channels], variances[0]);
        Proof.Compare<T>("InstanceNorm2d", "running_mean", instance.RunningMean!.Values, [c.Input.Channels], means[1]);
        Proof.Compare<T>("InstanceNorm2d", "running_var", instance.RunningVar!.Values, [c.Input.Channels], variances[1]);
        batch.NumBatchesTracked!.Value.Should().Be(3);
        instance.NumBatchesTracked!.Value.Should().Be(0, "PyTorch does not count here");
    }, 60);

    [Fact]
    public void They_begin_as_PyTorchs_do()
    {
        var shape = new ImageShape(4, 2, 3);
        var instance = new InstanceNorm2d<T>(shape, affine: true, trackRunningStats: true);
        foreach (var layer in (Layer<T>[])[new BatchNorm2d<T>(shape), new GroupNorm<T>(2, shape), instance])
        {
            layer.NamedParameters().Select(named => named.Name).Should().Equal("weight", "bias");
            layer.Parameters[0].Values.ToArray().Should().Equal(T.One, T.One, T.One, T.One);
            layer.Parameters[1].Values.ToArray().Should().Equal(new T[4]);
        }

        instance.RunningMean!.Values.ToArray().Should().Equal(new T[4]);
        instance.RunningVar!.Values.ToArray().Should().Equal(T.One, T.One, T.One, T.One);
        new InstanceNorm2d<T>(shape).Parameters.Should().BeEmpty();
    }

    [Theory]
    [InlineData(true, false, false, true)]
    [InlineData(false, true, true, true)]
    [InlineData(false, true, false, false)]
    [InlineData(false, false, true, false)]
    public void Instance_normalisation_is_as_in_evaluation_where_its_statistics_or_both_parameters_are_frozen(bool statistics, bool weight, bool bias, bool isFrozen)
    {
        var layer = Conditioning.Vary<T, InstanceNorm2d<T>>(new(new(3, 2, 2), affine: true, trackRunningStats: true), 1);
        var x = Any.Matrix<T>(4, 12, 2);
        var evaluated = layer.Forward(x).Clone();
        (layer.RunningMean!.Frozen, layer.Weight!.Frozen, layer.Bias!.Frozen) = (statistics, weight, bias);
        layer.Forward(x, layer.NewPass()).Equals(evaluated).Should().Be(isFrozen);
        layer.RunningMean.Values.ToArray().All(mean => mean == T.Zero).Should().Be(isFrozen);
    }

    [Fact]
    public void A_batch_of_no_images_leaves_the_statistics_as_they_are()
    {
        var layer = new InstanceNorm2d<T>(new(3, 2, 2), trackRunningStats: true);
        layer.Forward(Matrix<T>.Build.Dense(0, 12), layer.NewPass()).RowCount.Should().Be(0);
        layer.RunningMean!.Values.ToArray().Should().Equal(new T[3]);
        layer.RunningVar!.Values.ToArray().Should().Equal(T.One, T.One, T.One);
    }

    /// <summary>The way back reads the weights as they are then, as in all layers.</summary>
    [Fact]
    public void One_group_of_single_pixels_is_layer_normalisation_where_weights_change_between_the_ways_too()
    {
        var (group, layer) = (Conditioning.Vary<T, GroupNorm<T>>(new(1, new(6, 1, 1)), 3), Conditioning.Vary<T, LayerNorm<T>>(new(6), 3));
        Matrix<T> x = Any.Matrix<T>(4, 6, 1), dY = Any.Matrix<T>(4, 6, 2);
        var (passOfGroup, passOfLayer) = (group.NewPass(), layer.NewPass());
        group.Forward(x, passOfGroup).Should().Be(layer.Forward(x, passOfLayer));
        Any.Matrix<T>(6, 1, 7).AsColumnMajorArray().CopyTo(group.Weight!.Values);
        group.Weight.Values.CopyTo(layer.Weight!.Values);
        group.Backward(passOfGroup, dY).Should().Be(layer.Backward(passOfLayer, dY));
        group.Parameters.SelectMany(parameter => parameter.Gradients.ToArray()).Should().Equal(layer.Parameters.SelectMany(parameter => parameter.Gradients.ToArray()));
    }

    [Fact]
    public void What_does_not_fit_is_refused_by_name()
    {
        Refuses<ArgumentException>(() => new GroupNorm<T>(3, new(4, 2, 2)), "GroupNorm(3, 4x2x2) expects groups that divide the 4 channels, but there are 3. (Parameter 'numGroups')");
        Refuses<ArgumentOutOfRangeException>(() => new GroupNorm<T>(0, new(4, 2, 2)), "*expects numGroups to be at least 1*");
        Refuses<ArgumentOutOfRangeException>(() => new GroupNorm<T>(2, new(4, 2, 2), -1), "*expects epsilon to be finite and at least 0, but it is -1.*");
        Refuses<ArgumentException>(() => new InstanceNorm2d<T>(new(4, 1, 1)).Forward(Matrix<T>.Build.Dense(3, 4)), "InstanceNorm2d(4x1x1) expects images of more than one pixel where it takes their own statistics: one would be its own mean.");
        Refuses<ArgumentOutOfRangeException>(() => new InstanceNorm2d<T>(new(4, 2, 2), momentum: 2), "*expects momentum to be from 0 to 1, but it is 2.*");
        Refuses<ArgumentOutOfRangeException>(() => new BatchNorm2d<T>(new(4, 0, 2)), "BatchNorm2d(4x0x2) expects an image of at least one channel, row and column, but inputShape is 4x0x2. (Parameter 'inputShape')");
        Refuses<ArgumentException>(() => new BatchNorm2d<T>(new(4, 2, 2)).Forward(Matrix<T>.Build.Dense(3, 15)), "BatchNorm2d(4x2x2) expects 16 input columns, but x is 3x15. (Parameter 'x')");
        var norm = new BatchNorm2d<T>(new(4, 1, 1));
        Refuses<ArgumentException>(() => norm.Forward(Matrix<T>.Build.Dense(1, 4), norm.NewPass()), "BatchNorm2d(4x1x1) expects at least 2 samples where it takes the batch's own statistics, but x is 1x4. (Parameter 'x')");
        norm.MinTrainingRows.Should().Be(2);
        new BatchNorm2d<T>(new(4, 1, 2)).MinTrainingRows.Should().Be(1);
    }

    private static void Refuses<TException>(Func<object> act, string message) where TException : ArgumentException => act.Should().Throw<TException>().WithMessage(message);

    private static void Prove(
        Layer<T> layer, VectorBuffer<T>? mean, VectorBuffer<T>? variance, double epsilon, ImageShape shape, int samples, int seed, bool training,
        Func<Tensor, Tensor, Tensor, bool, IReadOnlyDictionary<string, Tensor>, Tensor> twin)
    {
        var own = training || mean is null;
        using var scope = NewDisposeScope();
        Tensor? meanTorch = null, varianceTorch = null;
        if (mean is not null)
        {
            Any.Vector<T>(shape.Channels, seed + 5).CopyTo(mean.Value);
            Any.Vector<T>(shape.Channels, seed + 6).PointwiseAbs().Add(T.CreateChecked(0.1)).CopyTo(variance!.Value);
            (meanTorch, varianceTorch) = (Proof.Tensor(mean.Value.ToColumnMatrix()).reshape(-1), Proof.Tensor(variance.Value.ToColumnMatrix()).reshape(-1));
        }

        var x = Any.Matrix<T>(samples, shape.Columns, seed);
        Proof.Layer(layer, x, (xTorch, p) => twin(Images.Of(xTorch, shape), own ? null! : meanTorch!, own ? null! : varianceTorch!, own, p).reshape(samples, -1),
            seed, training, finiteDifferences: (mean is null || !training) && Images.AreFew(samples, shape), tolerance: Conditioning.Of(layer is InstanceNorm2d<T> ? Groups(x, shape.Channels) : Channels(x, shape.Channels), rows: true, epsilon));
    }

    // A row for each group of each sample.
    private static Matrix<T> Groups(Matrix<T> x, int groups) =>
        Matrix<T>.Build.DenseOfRows(x.EnumerateRows().SelectMany(row => row.Chunk(x.ColumnCount / groups)));

    private static Matrix<T> Channels(Matrix<T> x, int channels) =>
        Matrix<T>.Build.DenseOfRows(Enumerable.Range(0, channels).Select(c => x.SubMatrix(0, x.RowCount, c * x.ColumnCount / channels, x.ColumnCount / channels).Enumerate()));
}

public sealed class ImageNormSingleTests : ImageNormTests<float>
{
    /// <summary>A mean that is summed in floats is off by more than half the distance between neighbouring numbers, which is 1/16 here; with what it lacks it is not.</summary>
    [Fact]
    public void A_running_mean_loses_no_digits_at_large_offsets()
    {
        var layer = new InstanceNorm2d<float>(new(64, 5, 5), momentum: 1, trackRunningStats: true);
        var x = Any.Matrix<float>(1, 64 * 25, 1, 8).Map(value => 1e6f + value);
        layer.Forward(x, layer.NewPass());
        for (var c = 0; c < 64; c++)
            ((double)layer.RunningMean!.Values[c]).Should().BeApproximately(x.Row(0).Skip(25 * c).Take(25).Average(value => (double)value), 1 / 32.0 + 1e-4);
    }
}

public sealed class ImageNormDoubleTests : ImageNormTests<double>;

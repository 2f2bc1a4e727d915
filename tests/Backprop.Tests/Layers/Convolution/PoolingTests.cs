using System.Numerics;
using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class PoolingTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Gen<(ImageShape Input, Size2d Kernel, Size2d Stride, Size2d Padding, Size2d Dilation, bool Ceil, int Samples, int Seed)> Cases =
        from samples in Gen.OneOf(Gen.Int[1, 5], Gen.Int[6, 40])
        from channels in Gen.Int[1, 4]
        from kernel in Gen.Select(Gen.Int[1, 4], Gen.Int[1, 4])
        from stride in Gen.Select(Gen.Int[1, 4], Gen.Int[1, 4])
        from dilation in Gen.Select(Gen.Int[1, 2], Gen.Int[1, 2])
        from padding in Gen.Select(Gen.Int[0, 2], Gen.Int[0, 2])
        from more in Gen.Select(Gen.Int[0, 6], Gen.Int[0, 6])
        from ceil in Gen.Bool
        from seed in Gen.Int[0, 1000]
        select (new ImageShape(channels, (kernel.Item1 - 1) * dilation.Item1 + 1 + more.Item1, (kernel.Item2 - 1) * dilation.Item2 + 1 + more.Item2), (Size2d)kernel, (Size2d)stride,
            (Size2d)(Math.Min(padding.Item1, kernel.Item1 / 2), Math.Min(padding.Item2, kernel.Item2 / 2)), (Size2d)dilation, ceil, samples, seed);

    [NeedsTorch]
    [Fact]
    public void Max_pooling_agrees_with_PyTorch_and_finite_differences() => Cases.ForAll(c =>
    {
        var layer = new MaxPool2d<T>(c.Input, c.Kernel, c.Stride, c.Padding, c.Dilation, c.Ceil);
        Proof.Layer(layer, Any.Matrix<T>(c.Samples, c.Input.Columns, c.Seed), (x, _) => nn.functional.max_pool2d(
            Images.Of(x, c.Input), Of(c.Kernel), Of(c.Stride), Of(c.Padding), Of(c.Dilation), c.Ceil).reshape(c.Samples, -1), c.Seed, finiteDifferences: Images.AreFew(c.Samples, c.Input));
    });

    /// <summary>Zeros, equal numbers, infinities: the first counts. Of what is not a number the last does.</summary>
    [NeedsTorch]
    [Fact]
    public void Which_of_several_equal_ones_counts_is_as_in_PyTorch() => Cases.ForAll(c =>
    {
        var layer = new MaxPool2d<T>(c.Input, c.Kernel, c.Stride, c.Padding, c.Dilation, c.Ceil);
        var random = new Random(c.Seed);
        T[] values = [T.Zero, T.One, T.NegativeZero, T.NegativeInfinity, T.PositiveInfinity];
        var x = Matrix<T>.Build.Dense(c.Samples, c.Input.Columns, (_, _) => values[random.Next(5)]);
        Proof.Layer(layer, x, (torch, _) => nn.functional.max_pool2d(Images.Of(torch, c.Input), Of(c.Kernel), Of(c.Stride), Of(c.Padding), Of(c.Dilation), c.Ceil).reshape(c.Samples, -1), c.Seed, finiteDifferences: false);

        using var scope = NewDisposeScope();
        x[random.Next(c.Samples), random.Next(c.Input.Columns)] = T.NaN;
        x[random.Next(c.Samples), random.Next(c.Input.Columns)] = T.NaN;
        var xTorch = Proof.Tensor(x).requires_grad_();
        var yTorch = nn.functional.max_pool2d(Images.Of(xTorch, c.Input), Of(c.Kernel), Of(c.Stride), Of(c.Padding), Of(c.Dilation), c.Ceil).reshape(c.Samples, -1);
        var pass = layer.NewPass();
        Proof.Compare("MaxPool2d", "y", layer.Forward(x, pass), yTorch);
        var dY = Any.Matrix<T>(c.Samples, layer.OutputShape.Columns, 1);
        yTorch.backward([Proof.Tensor(dY)]);
        Proof.Compare("MaxPool2d", "dL/dx", layer.Backward(pass, dY), xTorch.grad!);
    });

    [NeedsTorch]
    [Fact]
    public void Average_pooling_agrees_with_PyTorch_and_finite_differences() => Cases.ForAll(c =>
    {
        int? divisor = c.Seed % 3 == 0 ? 1 + c.Seed % 5 : null;
        var layer = new AvgPool2d<T>(c.Input, c.Kernel, c.Stride, c.Padding, c.Ceil, c.Seed % 2 == 0, divisor);
        Proof.Layer(layer, Any.Matrix<T>(c.Samples, c.Input.Columns, c.Seed), (x, _) => nn.functional.avg_pool2d(
            Images.Of(x, c.Input), Of(c.Kernel), Of(c.Stride), Of(c.Padding), c.Ceil, c.Seed % 2 == 0, divisor).reshape(c.Samples, -1), c.Seed, finiteDifferences: Images.AreFew(c.Samples, c.Input));
    });

    [NeedsTorch]
    [Fact]
    public void Average_pooling_to_a_given_size_agrees_too() => Cases.ForAll(c => Proof.Layer(
        new AdaptiveAvgPool2d<T>(c.Input, c.Kernel), Any.Matrix<T>(c.Samples, c.Input.Columns, c.Seed),
        (x, _) => nn.functional.adaptive_avg_pool2d(Images.Of(x, c.Input), Of(c.Kernel)).reshape(c.Samples, -1), c.Seed, finiteDifferences: Images.AreFew(c.Samples, c.Input)));

    [NeedsTorch]
    [Fact]
    public void Enlargements_agree_with_PyTorch_and_finite_differences() => Cases.ForAll(c =>
    {
        var (mode, align) = (c.Ceil ? UpsampleMode.Bilinear : UpsampleMode.Nearest, c.Ceil && c.Seed % 2 == 0);
        Size2d size = (c.Kernel.Height * c.Stride.Height, c.Kernel.Width + c.Stride.Width);
        Proof.Layer(
            new Upsample<T>(c.Input, size, mode, align), Any.Matrix<T>(c.Samples, c.Input.Columns, c.Seed),
            (x, _) => nn.functional.interpolate(Images.Of(x, c.Input), Of(size), mode: c.Ceil ? InterpolationMode.Bilinear : InterpolationMode.Nearest, align_corners: c.Ceil ? align : null).reshape(c.Samples, -1), c.Seed, finiteDifferences: Images.AreFew(c.Samples, c.Input));
    });

    [NeedsTorch]
    [Fact]
    public void Zeros_around_an_image_agree_with_PyTorch_and_finite_differences() => Cases.ForAll(c =>
    {
        var padding = new Padding2d(c.Kernel.Height - 1, c.Stride.Width - 1, c.Padding.Height, c.Seed % 3);
        Proof.Layer(
            new ZeroPad2d<T>(c.Input, padding), Any.Matrix<T>(c.Samples, c.Input.Columns, c.Seed),
            (x, _) => nn.functional.pad(Images.Of(x, c.Input), [padding.Left, padding.Right, padding.Top, padding.Bottom], TorchSharp.PaddingModes.Constant).reshape(c.Samples, -1), c.Seed, finiteDifferences: Images.AreFew(c.Samples, c.Input));
    });

    [NeedsTorch]
    [Fact]
    public void Dropped_channels_agree_with_PyTorch_and_finite_differences()
    {
        Assert.SkipUnless(TorchRandom.DrawsSameMasks(), "This PyTorch draws by a generator of MKL.");
        Cases.ForAll(DropChannels, 60);
    }

    private static void DropChannels((ImageShape Input, Size2d Kernel, Size2d Stride, Size2d Padding, Size2d Dilation, bool Ceil, int Samples, int Seed) c)
    {
        var generator = new Generator(c.Seed);
        var layer = new Dropout2d<T>(c.Input.Channels, c.Seed % 5 / 4.0, generator);
        Proof.Layer(layer, Any.Matrix<T>(c.Samples, c.Input.Columns, c.Seed), (x, _) =>
        {
            using var alone = TorchRandom.Alone(c.Seed);
            return nn.functional.dropout2d(Images.Of(x, c.Input), layer.P, training: true).reshape(c.Samples, -1);
        }, c.Seed, finiteDifferences: layer.P < 1 && Images.AreFew(c.Samples, c.Input), beforeForward: () => generator.ManualSeed(c.Seed));
        var x = Any.Matrix<T>(2, c.Input.Columns, 1);
        layer.Forward(x).Should().BeSameAs(x, "nothing is dropped in evaluation");
    }

    [Fact]
    public void What_does_not_fit_is_refused_by_name()
    {
        Refuses<ArgumentException>(() => new MaxPool2d<T>(new(2, 3, 3), 4), "MaxPool2d(2x3x3, kernel 4) expects a window that fits into the image with its padding, but it spans 4 of 3 pixels. (Parameter 'kernelSize')");
        Refuses<ArgumentOutOfRangeException>(() => new MaxPool2d<T>(new(2, 3, 3), 2, padding: 2), "MaxPool2d(2x3x3, kernel 2, padding 2) expects padding of at least 0 and at most half the kernel, but it is 2. (Parameter 'padding')");
        Refuses<ArgumentOutOfRangeException>(() => new MaxPool2d<T>(new(2, 3, 3), 2, dilation: 0), "*expects dilation to be at least 1, but it is 0. (Parameter 'dilation')");
        Refuses<ArgumentOutOfRangeException>(() => new AvgPool2d<T>(new(2, 3, 3), 2, stride: 0), "*expects stride to be at least 1, but it is 0. (Parameter 'stride')");
        Refuses<ArgumentOutOfRangeException>(() => new AvgPool2d<T>(new(2, 3, 3), 2, divisorOverride: 0), "*expects divisorOverride to be at least 1*");
        Refuses<ArgumentOutOfRangeException>(() => new AvgPool2d<T>(new(2, 0, 3), 2), "*expects an image of at least one channel, row and column, but inputShape is 2x0x3. (Parameter 'inputShape')");
        Refuses<ArgumentOutOfRangeException>(() => new AdaptiveAvgPool2d<T>(new(2, 3, 3), (2, 0)), "AdaptiveAvgPool2d(2x3x3 -> 2x2x0) expects outputSize to be at least 1, but it is 2x0. (Parameter 'outputSize')");
        Refuses<ArgumentOutOfRangeException>(() => new AdaptiveAvgPool2d<T>(new(2, 0, 3), 2), "AdaptiveAvgPool2d(2x0x3 -> 2x2x2) expects an image of at least one channel, row and column, but inputShape is 2x0x3. (Parameter 'inputShape')");
        Refuses<ArgumentOutOfRangeException>(() => new AdaptiveAvgPool2d<T>(new(2, 3, 3), 70000), "*expects an image of at most *(Parameter 'outputSize')");
        Refuses<ArgumentOutOfRangeException>(() => new MaxPool2d<T>(new(2, 3, 3), (0, 1)), "*expects kernelSize to be at least 1, but it is 0x1. (Parameter 'kernelSize')");
        Refuses<ArgumentOutOfRangeException>(() => new Upsample<T>(new(2, 3, 3), (2, 0)), "*expects size to be at least 1, but it is 2x0. (Parameter 'size')");
        Refuses<ArgumentOutOfRangeException>(() => new Upsample<T>(new(2, 0, 3), 7), "*expects an image of at least one channel, row and column, but inputShape is 2x0x3. (Parameter 'inputShape')");
        Refuses<ArgumentOutOfRangeException>(() => new ZeroPad2d<T>(new(2, 0, 3), 1), "*expects an image of at least one channel, row and column, but inputShape is 2x0x3. (Parameter 'inputShape')");
        Refuses<ArgumentOutOfRangeException>(() => new Upsample<T>(new(2, 3, 3), 70000), "*expects an image of at most *");
        Refuses<ArgumentOutOfRangeException>(() => new Upsample<T>(new(2, 3, 3), 7, (UpsampleMode)7), "*expects mode to be one of Nearest, Bilinear, but it is 7.*");
        Refuses<ArgumentException>(() => new Upsample<T>(new(2, 3, 3), 7, alignCorners: true), "*expects alignCorners with the mode Bilinear alone. (Parameter 'alignCorners')");
        Refuses<ArgumentOutOfRangeException>(() => new ZeroPad2d<T>(new(2, 3, 3), new Padding2d(-1, 0, 0, 0)), "*expects padding to be at least 0, but it is (left -1, right 0, top 0, bottom 0).*");
        Refuses<ArgumentOutOfRangeException>(() => new Dropout2d<T>(0), "Dropout2d expects channels to be at least 1*");
        Refuses<ArgumentException>(() => new Dropout2d<T>(4).Forward(Matrix<T>.Build.Dense(2, 6)), "Dropout2d(4, 0.5) expects columns that are a multiple of its 4 channels, but there are 6. (Parameter 'x')");
        Refuses<ArgumentException>(() => new MaxPool2d<T>(new(2, 4, 4), 2).Forward(Matrix<T>.Build.Dense(2, 31)), "MaxPool2d(2x4x4, kernel 2) expects 32 input columns, but x is 2x31. (Parameter 'x')");
    }

    [Fact]
    public void Where_no_channel_or_every_one_is_dropped_nothing_is_drawn()
    {
        var (generator, x) = (new Generator(1), Any.Matrix<T>(3, 8, 1));
        Dropout2d<T> none = new(2, 0, generator), all = new(2, 1, generator);
        none.Forward(x, none.NewPass()).Should().Be(x);
        all.Forward(x, all.NewPass()).Should().Be(Matrix<T>.Build.Dense(3, 8));
        generator.GetState().Should().Equal(new Generator(1).GetState());
    }

    private static void Refuses<TException>(Func<object> act, string message) where TException : ArgumentException => act.Should().Throw<TException>().WithMessage(message);

    private static long[] Of(Size2d size) => [size.Height, size.Width];
}

public sealed class PoolingSingleTests : PoolingTests<float>;

public sealed class PoolingDoubleTests : PoolingTests<double>;

using System.Numerics;
using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class Conv2dTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>As a number, -1 is no padding; what keeps the size is <see cref="Padding2d.Same"/>.</summary>
    [Fact]
    public void A_padding_of_minus_1_is_not_that_which_keeps_the_size()
    {
        FluentActions.Invoking(() => new Conv2d<T>(new ImageShape(1, 4, 4), 1, 3, padding: -1)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => new Conv2d<T>(new ImageShape(1, 4, 4), 1, 3, padding: (-1, -1))).Should().Throw<ArgumentOutOfRangeException>();
        foreach (var (left, right, top, bottom) in ((int, int, int, int)[])[(1, -1, -1, -1), (-1, 1, -1, -1), (-1, -1, 1, -1), (-1, -1, -1, 1), (-2, -1, -1, -1), (-1, -2, -1, -1), (-1, -1, -2, -1), (-1, -1, -1, -2)])
            FluentActions.Invoking(() => new Conv2d<T>(new ImageShape(1, 4, 4), 1, 3, padding: new Padding2d(left, right, top, bottom))).Should().Throw<ArgumentOutOfRangeException>();
    }

    /// <summary>All options at once: groups, kernels, strides, paddings, dilations, modes, with and without a bias, from one sample to more than a vector has lanes.</summary>
    private static readonly Gen<(Conv2d<T> Layer, int Samples, int Seed)> Layers =
        from samples in Gen.OneOf(Gen.Int[1, 5], Gen.Int[6, 40])
        from groups in Gen.Int[1, 3]
        from inputs in Gen.Int[1, 4]
        from outputs in Gen.Int[1, 8]
        from kernel in Gen.Select(Gen.Int[1, 4], Gen.Int[1, 4])
        from stride in Gen.Select(Gen.Int[1, 3], Gen.Int[1, 3])
        from dilation in Gen.Select(Gen.Int[1, 3], Gen.Int[1, 3])
        from padding in Gen.Select(Gen.Int[0, 3], Gen.Int[0, 3])
        from more in Gen.Select(Gen.Int[0, 5], Gen.Int[0, 5])
        from mode in Gen.Enum<PaddingMode>()
        from bias in Gen.Bool
        from seed in Gen.Int[0, 1000]
        let height = Math.Max(padding.Item1 + 1, (kernel.Item1 - 1) * dilation.Item1 + 1 - 2 * padding.Item1) + more.Item1
        let width = Math.Max(padding.Item2 + 1, (kernel.Item2 - 1) * dilation.Item2 + 1 - 2 * padding.Item2) + more.Item2
        select (new Conv2d<T>(new(groups * inputs, height, width), groups * outputs, kernel, stride, padding, dilation, groups, bias, mode, new Generator(seed)), samples, seed);

    [NeedsTorch]
    [Fact]
    public void Gradients_agree_with_PyTorch_and_finite_differences() => Layers.ForAll(c => Prove(c.Layer, c.Samples, c.Seed));

    /// <summary>More channels, taps and pixels than a panel, a block of taps and a block of a run have.</summary>
    [NeedsTorch]
    [Theory]
    [InlineData(33, 13, 3, 1, 1, 7, 7, 19)]
    [InlineData(40, 7, 3, 2, 1, 9, 8, 3)]
    [InlineData(1, 6, 5, 1, 2, 28, 28, 41)]
    [InlineData(65, 25, 1, 1, 0, 6, 5, 33)]
    [InlineData(3, 5, 7, 3, 3, 31, 29, 2)]
    [InlineData(2, 3, 3, 1, 0, 3, 400, 9)]
    public void Large_shapes_agree_too(int inputs, int outputs, int kernel, int stride, int padding, int height, int width, int samples) =>
        Prove(new Conv2d<T>(new(inputs, height, width), outputs, kernel, stride, padding, generator: new Generator(1)), samples, 7);

    /// <summary>A kernel of one pixel that steps over all others of a small image, as a shortcut does that halves it.</summary>
    [NeedsTorch]
    [Theory]
    [InlineData(2, 2, 2, 2)]
    [InlineData(1, 2, 1, 4)]
    [InlineData(3, 1, 4, 1)]
    [InlineData(1, 1, 3, 3)]
    [InlineData(4, 4, 2, 2)]
    public void One_pixel_and_a_stride_beyond_the_image_agree(int height, int width, int down, int across)
    {
        var image = new ImageShape(3, height, width);
        Prove(new Conv2d<T>(image, 2, 1, (down, across), generator: new Generator(1)), 4, 5);
        Prove(new Conv2d<T>(image, 2, 1, (down, across), bias: false, generator: new Generator(1)), 4, 5);
        var back = new ConvTranspose2d<T>(new(3, 1, 1), 2, 1, (down, across), outputPadding: (down - 1, across - 1), generator: new Generator(1));
        var y = back.Forward(Any.Matrix<T>(2, 3, 1), back.NewPass());
        y.ColumnCount.Should().Be(2 * down * across);
    }

    [NeedsTorch]
    [Theory]
    [InlineData(3, 1)]
    [InlineData(4, 1)]
    [InlineData(2, 3)]
    public void Padding_that_keeps_the_size_is_PyTorchs(int kernel, int dilation)
    {
        var layer = new Conv2d<T>(new(2, 7, 6), 3, kernel, padding: Padding2d.Same, dilation: dilation, generator: new Generator(3));
        layer.OutputShape.Should().Be(new ImageShape(3, 7, 6));
        Prove(layer, 3, 5);
        using var theirs = nn.Conv2d(2, 3, kernel, padding: TorchSharp.Padding.Same, dilation: dilation, dtype: typeof(T) == typeof(double) ? float64 : float32);
        var x = Any.Matrix<T>(3, layer.InputShape.Columns, 5);
        using (no_grad())
        {
            theirs.weight!.copy_(Proof.Tensor(layer.Weight.Value).reshape(3, 2, kernel, kernel));
            theirs.bias!.copy_(Proof.Tensor(layer.Bias!.Value.ToRowMatrix()).reshape(3));
        }

        Proof.Compare("Conv2d", "y", layer.Forward(x), theirs.call(Proof.Tensor(x).reshape(3, 2, 7, 6)).reshape(3, -1));
    }

    [NeedsTorch]
    [Fact]
    public void A_frozen_weight_gets_no_gradient_and_dX_flows_on()
    {
        var layer = new Conv2d<T>(new(2, 5, 5), 3, 3, generator: new Generator(3));
        layer.Freeze();
        var pass = layer.NewPass();
        var x = Any.Matrix<T>(4, 50, 1);
        layer.Forward(x, pass);
        layer.Backward(pass, Any.Matrix<T>(4, 27, 2)).L2Norm().Should().BeGreaterThan(0);
        foreach (var parameter in layer.Parameters) parameter.Gradients.ToArray().Should().Equal(new T[parameter.Count]);
    }

    [Fact]
    public void By_hand_a_kernel_of_two_pixels()
    {
        var layer = new Conv2d<T>(new(1, 1, 3), 1, (1, 2));
        layer.Weight.Value.SetRow(0, [T.One, T.CreateChecked(10)]);
        layer.Bias!.Values[0] = T.CreateChecked(100);
        var pass = layer.NewPass();
        var y = layer.Forward(Matrix<T>.Build.DenseOfRowArrays([T.One, T.CreateChecked(2), T.CreateChecked(3)]), pass);
        y.ToRowMajorArray().Should().Equal(T.CreateChecked(121), T.CreateChecked(132));
        var dX = layer.Backward(pass, Matrix<T>.Build.DenseOfRowArrays([T.One, T.CreateChecked(5)]));
        dX.ToRowMajorArray().Should().Equal(T.One, T.CreateChecked(15), T.CreateChecked(50));
        layer.Weight.Gradient.ToRowMajorArray().Should().Equal(T.CreateChecked(11), T.CreateChecked(17));
        layer.Bias.Gradients[0].Should().Be(T.CreateChecked(6));
    }

    [Fact]
    public void The_bits_do_not_depend_on_the_batch_or_the_threads()
    {
        var layer = new Conv2d<T>(new(3, 9, 8), 7, 3, padding: 1, generator: new Generator(1));
        var x = Any.Matrix<T>(50, layer.InputShape.Columns, 5);
        var dY = Any.Matrix<T>(50, layer.OutputShape.Columns, 6);
        Matrix<T> y, dX;
        T[] dW;
        using (Threads.Of(1)) (y, dX, dW) = Run(layer, x, dY);
        using (Threads.Of(3))
        {
            var (y3, dX3, dW3) = Run(layer, x, dY);
            y3.Should().Be(y);
            dX3.Should().Be(dX);
            dW3.Should().Equal(dW);
        }

        for (var i = 0; i < 50; i += 17) layer.Forward(x.Row(i)).Should().Equal(y.Row(i));
    }

    /// <summary>PyTorch's own values of torch.manual_seed(0).</summary>
    [NeedsTorch]
    [Fact]
    public void Initial_values_are_PyTorchs()
    {
        using var alone = TorchRandom.Alone(11);
        using var theirs = nn.Conv2d(4, 6, (3, 2), groups: 2, dtype: typeof(T) == typeof(double) ? float64 : float32);
        var ours = new Conv2d<T>(new(4, 5, 5), 6, (3, 2), groups: 2, generator: new Generator(11));
        ours.Weight.Shape.Should().Equal(6, 2, 3, 2);
        Proof.Compare<T>("Conv2d, initial", "weight", ours.Weight.Values, ours.Weight.Shape, theirs.weight!);
        Proof.Compare<T>("Conv2d, initial", "bias", ours.Bias!.Values, ours.Bias.Shape, theirs.bias!);
    }

    [Fact]
    public void Not_a_number_and_infinity_reach_the_pixels_that_see_them_and_no_others()
    {
        var layer = new Conv2d<T>(new(1, 6, 6), 1, 3, padding: 1, generator: new Generator(1));
        var x = Any.Matrix<T>(2, 36, 1);
        x[0, 0] = T.NaN;
        var y = layer.Forward(x);
        for (var i = 0; i < 36; i++) T.IsNaN(y[0, i]).Should().Be(i is 0 or 1 or 6 or 7, "pixel {0}", i);
        foreach (var value in y.Row(1)) T.IsFinite(value).Should().BeTrue();
    }

    [Fact]
    public void What_does_not_fit_is_refused_by_name()
    {
        Refuses<ArgumentException>(() => new Conv2d<T>(new(1, 4, 4), 2, 5), "Conv2d(1x4x4 -> 2, kernel 5) expects a kernel that fits into the image with its padding, 4x4, but it spans 5x5. (Parameter 'kernelSize')");
        Refuses<ArgumentException>(() => new Conv2d<T>(new(4, 4, 5), 2, (5, 4), stride: 3, padding: (1, 0), dilation: (2, 1), groups: 2), "Conv2d(4x4x5 -> 2, kernel 5x4, stride 3, *, dilation 2x1, groups 2) expects a kernel that fits into the image with its padding, 6x5, but it spans 9x4. (Parameter 'kernelSize')");
        Refuses<ArgumentException>(() => new Conv2d<T>(new(1, 9, 2), 2, 3), "*expects a kernel that fits into the image with its padding, 9x2, but it spans 3x3. (Parameter 'kernelSize')");
        Refuses<ArgumentOutOfRangeException>(() => new Conv2d<T>(new(1, 4, 4), 2, 3, dilation: (0, 1)), "*expects dilation to be at least 1, but it is 0x1. (Parameter 'dilation')");
        Refuses<ArgumentOutOfRangeException>(() => new Conv2d<T>(new(1, 4, 4), 2, 3, groups: 0), "*expects groups to be at least 1*");
        Refuses<ArgumentException>(() => new Conv2d<T>(new(3, 4, 4), 2, 3, groups: 2), "Conv2d(3x4x4 -> 2, kernel 3, groups 2) expects groups that divide the 3 input and the 2 output channels, but there are 2. (Parameter 'groups')");
        Refuses<ArgumentException>(() => new Conv2d<T>(new(1, 4, 4), 2, 3, stride: 2, padding: Padding2d.Same), "*expects stride 1 with padding that keeps the size, but it is 2. (Parameter 'stride')");
        Refuses<ArgumentException>(() => new Conv2d<T>(new(1, 3, 4), 2, 3, padding: 3, paddingMode: PaddingMode.Reflect), "*expects padding of at most 2x3, which is what the image has to show, but it is 3. (Parameter 'padding')");
        Refuses<ArgumentException>(() => new Conv2d<T>(new(1, 3, 4), 2, 3, padding: 4, paddingMode: PaddingMode.Circular), "*expects padding of at most 3x4, *");
        Refuses<ArgumentOutOfRangeException>(() => new Conv2d<T>(new(1, 4, 4), 2, 3, padding: -2), "*expects padding to be at least 0, but it is *");
        Refuses<ArgumentOutOfRangeException>(() => new Conv2d<T>(new(1, 4, 4), 2, 0), "*expects kernelSize to be at least 1, but it is 0. (Parameter 'kernelSize')");
        Refuses<ArgumentOutOfRangeException>(() => new Conv2d<T>(new(1, 4, 4), 2, 3, stride: (1, 0)), "*expects stride to be at least 1, but it is 1x0. (Parameter 'stride')");
        Refuses<ArgumentOutOfRangeException>(() => new Conv2d<T>(new(0, 4, 4), 2, 3), "*expects an image of at least one channel, row and column, but inputShape is 0x4x4. (Parameter 'inputShape')");
        Refuses<ArgumentOutOfRangeException>(() => new Conv2d<T>(new(70000, 70000, 2), 2, 3), "*expects an image of at most *");
        Refuses<ArgumentOutOfRangeException>(() => new Conv2d<T>(new(1, 4, 4), 0, 3), "*expects outChannels to be at least 1*");
        Refuses<ArgumentOutOfRangeException>(() => new Conv2d<T>(new(1, 4, 4), 2, 3, padding: int.MaxValue), "*expects padding that leaves room in a matrix*");
        Refuses<ArgumentOutOfRangeException>(() => new Conv2d<T>(new(1, 4, 4), 2, int.MaxValue, dilation: int.MaxValue), "*expects a kernel that is no larger than an image can be*");
        Refuses<ArgumentException>(() => new Conv2d<T>(new(1, 4, 4), 2, 3).Forward(Matrix<T>.Build.Dense(2, 15)), "Conv2d(1x4x4 -> 2, kernel 3) expects 16 input columns, but x is 2x15. (Parameter 'x')");
    }

    private static void Refuses<TException>(Func<object> act, string message) where TException : ArgumentException => act.Should().Throw<TException>().WithMessage(message);

    private static (Matrix<T> Y, Matrix<T> DX, T[] DW) Run(Conv2d<T> layer, Matrix<T> x, Matrix<T> dY)
    {
        foreach (var parameter in layer.Parameters) parameter.ZeroGradient();
        var pass = layer.NewPass();
        var y = layer.Forward(x, pass).Clone();
        return (y, layer.Backward(pass, dY).Clone(), layer.Weight.Gradients.ToArray());
    }

    private static void Prove(Conv2d<T> layer, int samples, int seed)
    {
        var shape = layer.InputShape;
        var multiplyAdds = (double)samples * layer.OutputShape.Columns * layer.Weight.Value.ColumnCount;
        Proof.Layer(layer, Any.Matrix<T>(samples, shape.Columns, seed), (x, p) => Twin(layer, Images.Of(x, shape), p).reshape(samples, -1),
            seed, finiteDifferences: multiplyAdds < 5000, tolerance: Images.Summing<T>(samples * layer.OutputShape.Height * layer.OutputShape.Width));
    }

    private static Tensor Twin(Conv2d<T> layer, Tensor x, IReadOnlyDictionary<string, Tensor> p)
    {
        var padding = layer.Padding;
        long[] around = [padding.Left, padding.Right, padding.Top, padding.Bottom];
        var padded = layer.PaddingMode switch
        {
            PaddingMode.Zeros => nn.functional.pad(x, around, TorchSharp.PaddingModes.Constant),
            PaddingMode.Reflect => nn.functional.pad(x, around, TorchSharp.PaddingModes.Reflect),
            PaddingMode.Replicate => nn.functional.pad(x, around, TorchSharp.PaddingModes.Replicate),
            _ => nn.functional.pad(x, around, TorchSharp.PaddingModes.Circular),
        };
        return nn.functional.conv2d(padded, p["weight"], p.GetValueOrDefault("bias"), [layer.Stride.Height, layer.Stride.Width], [0, 0], [layer.Dilation.Height, layer.Dilation.Width], layer.Groups);
    }
}

public sealed class Conv2dSingleTests : Conv2dTests<float>;

public sealed class Conv2dDoubleTests : Conv2dTests<double>;

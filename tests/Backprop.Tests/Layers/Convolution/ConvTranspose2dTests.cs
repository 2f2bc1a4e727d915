using System.Numerics;
using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class ConvTranspose2dTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Gen<(ConvTranspose2d<T> Layer, int Samples, int Seed)> Layers =
        from samples in Gen.OneOf(Gen.Int[1, 5], Gen.Int[6, 40])
        from groups in Gen.Int[1, 3]
        from inputs in Gen.Int[1, 4]
        from outputs in Gen.Int[1, 8]
        from kernel in Gen.Select(Gen.Int[1, 4], Gen.Int[1, 4])
        from stride in Gen.Select(Gen.Int[1, 3], Gen.Int[1, 3])
        from dilation in Gen.Select(Gen.Int[1, 3], Gen.Int[1, 3])
        from size in Gen.Select(Gen.Int[1, 5], Gen.Int[1, 5])
        from rests in Gen.Select(Gen.Int[0, 2], Gen.Int[0, 2], Gen.Int[0, 3], Gen.Int[0, 3])
        from bias in Gen.Bool
        from seed in Gen.Int[0, 1000]
        let more = ((int, int))(rests.Item1 % Math.Max(stride.Item1, dilation.Item1), rests.Item2 % Math.Max(stride.Item2, dilation.Item2))
        let padding = (Padding(size.Item1, stride.Item1, (kernel.Item1 - 1) * dilation.Item1 + 1 + more.Item1, rests.Item3), Padding(size.Item2, stride.Item2, (kernel.Item2 - 1) * dilation.Item2 + 1 + more.Item2, rests.Item4))
        select (new ConvTranspose2d<T>(new(groups * inputs, size.Item1, size.Item2), groups * outputs, kernel, stride, padding, more, groups, bias, dilation, new Generator(seed)), samples, seed);

    [NeedsTorch]
    [Fact]
    public void Gradients_agree_with_PyTorch_and_finite_differences() => Layers.ForAll(c => Prove(c.Layer, c.Samples, c.Seed));

    [NeedsTorch]
    [Theory]
    [InlineData(13, 33, 3, 2, 1, 7, 7, 19)]
    [InlineData(40, 7, 3, 1, 1, 9, 8, 3)]
    [InlineData(6, 1, 5, 1, 2, 28, 28, 41)]
    public void Large_shapes_agree_too(int inputs, int outputs, int kernel, int stride, int padding, int height, int width, int samples) =>
        Prove(new ConvTranspose2d<T>(new(inputs, height, width), outputs, kernel, stride, padding, generator: new Generator(1)), samples, 7);

    [NeedsTorch]
    [Fact]
    public void Initial_values_are_PyTorchs()
    {
        using var alone = TorchRandom.Alone(11);
        using var theirs = nn.ConvTranspose2d(4, 6, (3, 2), groups: 2, dtype: typeof(T) == typeof(double) ? float64 : float32);
        var ours = new ConvTranspose2d<T>(new(4, 5, 5), 6, (3, 2), groups: 2, generator: new Generator(11));
        ours.Weight.Shape.Should().Equal(4, 3, 3, 2);
        Proof.Compare<T>("ConvTranspose2d, initial", "weight", ours.Weight.Values, ours.Weight.Shape, theirs.weight!);
        Proof.Compare<T>("ConvTranspose2d, initial", "bias", ours.Bias!.Values, ours.Bias.Shape, theirs.bias!);
    }

    [Fact]
    public void It_is_the_way_back_through_the_convolution_of_the_same_weights()
    {
        var conv = new Conv2d<T>(new(2, 9, 7), 3, 3, 2, 1, bias: false, generator: new Generator(1));
        var transposed = new ConvTranspose2d<T>(conv.OutputShape, 2, 3, 2, 1, bias: false);
        conv.Weight.Values.CopyTo(transposed.Weight.Values);
        var (pass, dY) = (conv.NewPass(), Any.Matrix<T>(4, conv.OutputShape.Columns, 3));
        conv.Forward(Any.Matrix<T>(4, conv.InputShape.Columns, 2), pass);
        transposed.OutputShape.Should().Be(conv.InputShape);
        transposed.Forward(dY).Should().Be(conv.Backward(pass, dY));
    }

    [Fact]
    public void The_first_layer_of_a_network_skips_dX_and_not_dW()
    {
        var layer = new ConvTranspose2d<T>(new(2, 4, 3), 3, 3, 2, generator: new Generator(1));
        var (pass, x) = (layer.NewPass(), Any.Matrix<T>(4, 24, 3));
        var dY = Any.Matrix<T>(4, layer.OutputShape.Columns, 4);
        layer.Forward(x, pass);
        layer.Backward(pass, dY);
        var expected = layer.Weight.Gradient.Clone();
        layer.Weight.ZeroGradient();
        // A pass of its own: nothing is left in it that dX needed.
        var other = layer.NewPass();
        layer.Forward(x, other);
        layer.AccumulateGradients(other, dY);
        layer.Weight.Gradient.Should().Be(expected);
    }

    [Fact]
    public void What_does_not_fit_is_refused_by_name()
    {
        Refuses<ArgumentException>(() => new ConvTranspose2d<T>(new(2, 4, 4), 3, 3, outputPadding: 1), "ConvTranspose2d(2x4x4 -> 3, kernel 3, output padding 1) expects outputPadding to be at least 0 and smaller than stride or dilation, but it is 1. (Parameter 'outputPadding')");
        Refuses<ArgumentException>(() => new ConvTranspose2d<T>(new(4, 2, 2), 2, 3, 3, padding: 6, outputPadding: 1, groups: 2, dilation: 2), "ConvTranspose2d(4x2x2 -> 2, kernel 3, stride 3, padding 6, output padding 1, dilation 2, groups 2) expects an output of at least one pixel and no more than a matrix has columns, but it would be -3x-3. (Parameter 'kernelSize')");
        Refuses<ArgumentOutOfRangeException>(() => new ConvTranspose2d<T>(new(2, 0, 1), 3, 2), "*expects an image of at least one channel, row and column, but input is 2x0x1. (Parameter 'input')");
        Refuses<ArgumentOutOfRangeException>(() => new ConvTranspose2d<T>(new(2, 4, 4), 0, 3), "*expects outChannels to be at least 1*");
        Refuses<ArgumentOutOfRangeException>(() => new ConvTranspose2d<T>(new(2, 4, 4), 3, (3, 0)), "*expects kernelSize to be at least 1, but it is 3x0. (Parameter 'kernelSize')");
        Refuses<ArgumentOutOfRangeException>(() => new ConvTranspose2d<T>(new(2, 4, 4), 3, 3, 0), "*expects stride to be at least 1, but it is 0. (Parameter 'stride')");
        Refuses<ArgumentOutOfRangeException>(() => new ConvTranspose2d<T>(new(2, 4, 4), 3, 3, dilation: 0), "*expects dilation to be at least 1, but it is 0. (Parameter 'dilation')");
        Refuses<ArgumentException>(() => new ConvTranspose2d<T>(new(2, 1, 1), 3, 2, padding: 1), "*expects an output of at least one pixel and no more than a matrix has columns, but it would be 0x0. (Parameter 'kernelSize')");
        Refuses<ArgumentException>(() => new ConvTranspose2d<T>(new(3, 4, 4), 2, 3, groups: 2), "*expects groups that divide the 3 input and the 2 output channels*");
        Refuses<ArgumentOutOfRangeException>(() => new ConvTranspose2d<T>(new(1, 40000, 40000), 2, 3, 2), "*expects an image of at most *");
        Refuses<ArgumentOutOfRangeException>(() => new ConvTranspose2d<T>(new(1, 4, 4), 2, 3, padding: (-1, 0)), "*expects padding to be at least 0*");
        Refuses<ArgumentException>(() => new ConvTranspose2d<T>(new(1, 4, 4), 2, 3).Forward(Matrix<T>.Build.Dense(2, 15)), "ConvTranspose2d(1x4x4 -> 2, kernel 3) expects 16 input columns, but x is 2x15. (Parameter 'x')");
    }

    private static void Refuses<TException>(Func<object> act, string message) where TException : ArgumentException => act.Should().Throw<TException>().WithMessage(message);

    // At most so much that a pixel is left.
    private static int Padding(int size, int stride, int more, int wanted) => Math.Min(wanted, ((size - 1) * stride + more - 1) / 2);

    private static void Prove(ConvTranspose2d<T> layer, int samples, int seed) => Proof.Layer(
        layer, Any.Matrix<T>(samples, layer.InputShape.Columns, seed), (x, p) => nn.functional.conv_transpose2d(
            Images.Of(x, layer.InputShape), p["weight"], p.GetValueOrDefault("bias"), [layer.Stride.Height, layer.Stride.Width], [layer.Padding.Top, layer.Padding.Left],
            [layer.OutputPadding.Height, layer.OutputPadding.Width], [layer.Dilation.Height, layer.Dilation.Width], layer.Groups).reshape(samples, -1),
        seed, finiteDifferences: (double)samples * layer.InputShape.Columns * layer.Weight.Value.ColumnCount < 5000, tolerance: Images.Summing<T>(samples * layer.OutputShape.Height * layer.OutputShape.Width));
}

public sealed class ConvTranspose2dSingleTests : ConvTranspose2dTests<float>;

public sealed class ConvTranspose2dDoubleTests : ConvTranspose2dTests<double>;

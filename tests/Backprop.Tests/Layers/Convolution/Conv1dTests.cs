using System.Numerics;
using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class Conv1dTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Gen<(Conv1d<T> Layer, int Samples, int Seed)> Layers =
        from samples in Gen.Int[1, 20]
        from groups in Gen.Int[1, 3]
        from inputs in Gen.Int[1, 3]
        from outputs in Gen.Int[1, 7]
        from kernel in Gen.Int[1, 5]
        from stride in Gen.Int[1, 4]
        from dilation in Gen.Int[1, 3]
        from padding in Gen.Int[0, 4]
        from more in Gen.Int[0, 30]
        from mode in Gen.Enum<PaddingMode>()
        from bias in Gen.Bool
        from seed in Gen.Int[0, 1000]
        let length = Math.Max(padding + 1, (kernel - 1) * dilation + 1 - 2 * padding) + more
        select (new Conv1d<T>(groups * inputs, length, groups * outputs, kernel, stride, padding, dilation, groups, bias, mode, new Generator(seed)), samples, seed);

    [NeedsTorch]
    [Fact]
    public void Gradients_agree_with_PyTorch_and_finite_differences() => Layers.ForAll(c => Prove(c.Layer, c.Samples, c.Seed));

    [NeedsTorch]
    [Theory]
    [InlineData(3, 1)]
    [InlineData(4, 1)]
    [InlineData(2, 3)]
    public void Padding_that_keeps_the_length_agrees_too(int kernel, int dilation)
    {
        var layer = new Conv1d<T>(2, 9, 3, kernel, padding: null, dilation: dilation, generator: new Generator(3));
        layer.OutputLength.Should().Be(9);
        Prove(layer, 3, 5);
    }

    [NeedsTorch]
    [Fact]
    public void Initial_values_are_PyTorchs()
    {
        using var alone = TorchRandom.Alone(11);
        using var theirs = nn.Conv1d(4, 6, 3, groups: 2, dtype: typeof(T) == typeof(double) ? float64 : float32);
        var ours = new Conv1d<T>(4, 5, 6, 3, groups: 2, generator: new Generator(11));
        Proof.Compare<T>("Conv1d, initial", "weight", ours.Weight.Values, ours.Weight.Shape, theirs.weight!);
        Proof.Compare<T>("Conv1d, initial", "bias", ours.Bias!.Values, ours.Bias.Shape, theirs.bias!);
    }

    [Fact]
    public void What_does_not_fit_is_refused_by_name()
    {
        Refuses<ArgumentException>(() => new Conv1d<T>(1, 4, 2, 5), "Conv1d(1x4 -> 2, kernel 5) expects a kernel that fits into the image with its padding, 1x4, but it spans 1x5. (Parameter 'kernelSize')");
        Refuses<ArgumentException>(() => new Conv1d<T>(4, 4, 2, 5, stride: 3, padding: 1, dilation: 6, groups: 2), "Conv1d(4x4 -> 2, kernel 5, stride 3, padding 1, dilation 6, groups 2) expects a kernel that fits into the image with its padding, 1x6, but it spans 1x25. (Parameter 'kernelSize')");
        Refuses<ArgumentException>(() => new Conv1d<T>(3, 4, 2, 3, groups: 2), "*expects groups that divide the 3 input and the 2 output channels, but there are 2. (Parameter 'groups')");
        Refuses<ArgumentException>(() => new Conv1d<T>(1, 4, 2, 3, stride: 2, padding: null), "*expects stride 1 with padding that keeps the size*");
        Refuses<ArgumentOutOfRangeException>(() => new Conv1d<T>(1, 0, 2, 3), "*expects an image of at least one channel, row and column, but length is 1x1x0. (Parameter 'length')");
        Refuses<ArgumentOutOfRangeException>(() => new Conv1d<T>(1, 4, 2, 3, padding: -1), "*expects padding to be at least 0*");
        Refuses<ArgumentException>(() => new Conv1d<T>(1, 4, 2, 3).Forward(Matrix<T>.Build.Dense(2, 5)), "Conv1d(1x4 -> 2, kernel 3) expects 4 input columns, but x is 2x5. (Parameter 'x')");
    }

    private static void Refuses<TException>(Func<object> act, string message) where TException : ArgumentException => act.Should().Throw<TException>().WithMessage(message);

    private static void Prove(Conv1d<T> layer, int samples, int seed) => Proof.Layer(
        layer, Any.Matrix<T>(samples, layer.InChannels * layer.Length, seed), (x, p) =>
        {
            long[] around = [layer.Padding.Before, layer.Padding.After];
            var signal = x.reshape(samples, layer.InChannels, layer.Length);
            var padded = layer.PaddingMode switch
            {
                PaddingMode.Zeros => nn.functional.pad(signal, around, TorchSharp.PaddingModes.Constant),
                PaddingMode.Reflect => nn.functional.pad(signal, around, TorchSharp.PaddingModes.Reflect),
                PaddingMode.Replicate => nn.functional.pad(signal, around, TorchSharp.PaddingModes.Replicate),
                _ => nn.functional.pad(signal, around, TorchSharp.PaddingModes.Circular),
            };
            return nn.functional.conv1d(padded, p["weight"], p.GetValueOrDefault("bias"), layer.Stride, 0, layer.Dilation, layer.Groups).reshape(samples, -1);
        },
        seed, finiteDifferences: (double)samples * layer.OutputLength * layer.Weight.Count < 5000, tolerance: Images.Summing<T>(samples * layer.OutputLength));
}

public sealed class Conv1dSingleTests : Conv1dTests<float>;

public sealed class Conv1dDoubleTests : Conv1dTests<double>;

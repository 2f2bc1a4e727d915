using System.Numerics;
using Backprop.Kernels;

namespace Backprop;

/// <summary>A pass of a convolution: it keeps the image with its padding.</summary>
internal sealed class ConvolutionPass<T>(Layer<T> layer, bool training, ConvolutionShape shape) : ForwardPass<T>(layer, training) where T : unmanaged, IFloatingPointIeee754<T>
{
    public Convolution<T> Convolution { get; } = new(shape.InShort());
}

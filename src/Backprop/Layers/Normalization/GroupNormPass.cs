using System.Numerics;
using Backprop.Kernels;

namespace Backprop;

/// <summary>A pass of a normalisation by groups of channels: it saves each group's moments; and those of a batch, where running statistics take their place.</summary>
internal sealed class GroupNormPass<T>(Layer<T> layer, bool training, int groups, ImageShape shape) : ForwardPass<T>(layer, training) where T : unmanaged, IFloatingPointIeee754<T>
{
    public GroupNormalization<T> Groups { get; } = new(groups, shape);

    public Moments<T> Running { get; } = new();

    /// <summary>Whether the moments are the sample's own, and not such as were kept.</summary>
    public bool AreOwn { get; set; }
}

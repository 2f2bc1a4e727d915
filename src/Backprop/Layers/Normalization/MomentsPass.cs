using System.Numerics;

namespace Backprop.Kernels;

/// <summary>The pass of a normalisation: it saves the moments.</summary>
internal sealed class MomentsPass<T>(Layer<T> layer, bool training) : ForwardPass<T>(layer, training) where T : unmanaged, IFloatingPointIeee754<T>
{
    public Moments<T> Moments { get; } = new();

    /// <summary>Whether they are the batch's own, and not such as were kept.</summary>
    public bool AreOfBatch { get; set; }
}

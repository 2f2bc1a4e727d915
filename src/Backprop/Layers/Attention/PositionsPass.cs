using System.Numerics;

namespace Backprop;

/// <summary>A pass of a layer that adds something for each position: it has to know where a continued sequence is.</summary>
internal sealed class PositionsPass<T>(Layer<T> layer, bool training, int maxSteps) : SequencePass<T>(layer, training) where T : unmanaged, IFloatingPointIeee754<T>
{
    public override int MaxSteps => maxSteps;
}

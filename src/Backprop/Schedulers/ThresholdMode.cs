namespace Backprop;

/// <summary>What the threshold of <see cref="ReduceLROnPlateau"/> is measured by.</summary>
public enum ThresholdMode
{
    /// <summary>By the size of the best value so far: better than best ∓ threshold |best|.</summary>
    Relative,

    /// <summary>By itself: better than best ∓ threshold.</summary>
    Absolute,
}

namespace Backprop;

/// <summary>How <see cref="OneCycleLR"/> goes from one value to the next.</summary>
public enum AnnealStrategy
{
    /// <summary>Along half a cosine.</summary>
    Cosine,

    /// <summary>Along a straight line.</summary>
    Linear,
}

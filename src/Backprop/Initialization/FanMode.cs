namespace Backprop;

/// <summary>Which side of a weight decides on the size of its values.</summary>
public enum FanMode
{
    /// <summary>Its columns: keeps the size of what flows forward.</summary>
    FanIn,

    /// <summary>Its rows: keeps the size of the gradients that flow back.</summary>
    FanOut,
}

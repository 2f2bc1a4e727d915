namespace Backprop;

/// <summary>How <see cref="GELU{T}"/> computes the normal distribution, as PyTorch's <c>approximate</c>.</summary>
public enum GELUApproximation
{
    /// <summary>The distribution itself.</summary>
    None,

    /// <summary>A tanh that is close to it.</summary>
    Tanh,
}

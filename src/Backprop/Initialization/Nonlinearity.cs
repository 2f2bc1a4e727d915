namespace Backprop;

/// <summary>The function that follows a layer, as far as it matters for the size of the layer's initial weights.</summary>
public enum Nonlinearity
{
    /// <summary>None.</summary>
    Linear,

    /// <summary><see cref="Sigmoid{T}"/>.</summary>
    Sigmoid,

    /// <summary>The hyperbolic tangent.</summary>
    Tanh,

    /// <summary>max(0, x).</summary>
    ReLU,

    /// <summary>x, but times a slope below 0.</summary>
    LeakyReLU,

    /// <summary>The scaled exponential linear unit. A self-normalizing network wants <see cref="Linear"/> instead, so that weights have variance 1/in.</summary>
    SELU,
}

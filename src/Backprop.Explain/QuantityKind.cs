namespace Backprop.Explain;

/// <summary>What a quantity is.</summary>
public enum QuantityKind
{
    /// <summary>What the network is given: x, the target.</summary>
    Data,

    /// <summary>What it learns, or keeps: weights, biases, running statistics, a mask that was drawn.</summary>
    Parameter,

    /// <summary>What a layer computes on the way forward.</summary>
    Value,

    /// <summary>The loss, L.</summary>
    Loss,

    /// <summary>The gradient of the loss with respect to another quantity.</summary>
    Gradient,

    /// <summary>A parameter after one step of gradient descent.</summary>
    Next,
}

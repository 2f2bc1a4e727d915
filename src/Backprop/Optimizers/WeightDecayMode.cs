namespace Backprop;

/// <summary>Where the weight decay λ acts. The optimizer's base class sees to it, whatever the rule.</summary>
public enum WeightDecayMode
{
    /// <summary>In the gradient, g + λ p: the penalty λ/2 p² (L2), which goes through the rule as the loss does.</summary>
    Coupled,

    /// <summary>Beside the gradient, p *= 1 - lr λ before the rule: the same rate for every value, as in <see cref="AdamW{T}"/>.</summary>
    Decoupled,
}

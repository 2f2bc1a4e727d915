using System.Numerics;

namespace Backprop;

/// <summary>Adam with decoupled weight decay: p *= 1 - lr λ before Adam's step, whose gradient knows nothing of λ.</summary>
/// <remarks>
/// <para>In Adam, an L2 penalty is divided by √v̂ with the rest of the gradient, so that parameters with large gradients decay less; here all decay alike.
/// CHAIN-RULE.md, "AdamW".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html">torch.optim.AdamW</see>.
/// Source: I. Loshchilov and F. Hutter, Decoupled weight decay regularization, ICLR 2019.</para>
/// </remarks>
/// <example><code>var adamW = new AdamW&lt;double&gt;(model.Parameters, learningRate: 1e-3, weightDecay: 0.05);</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class AdamW<T> : Optimizer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Moves all parameters with the same hyperparameters.</summary>
    /// <param name="parameters">The parameters, at least one, none twice.</param>
    /// <param name="learningRate">lr, at least 0.</param>
    /// <param name="beta1">β₁, in [0, 1).</param>
    /// <param name="beta2">β₂, in [0, 1).</param>
    /// <param name="epsilon">ε, at least 0.</param>
    /// <param name="weightDecay">λ, at least 0.</param>
    /// <param name="amsgrad">Use the largest v so far.</param>
    /// <param name="maximize">Climb instead of descend.</param>
    /// <exception cref="ArgumentException">There are no parameters, or one is there twice.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A hyperparameter is out of its range or not finite.</exception>
    public AdamW(
        IEnumerable<Parameter<T>> parameters, double learningRate = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8,
        double weightDecay = 1e-2, bool amsgrad = false, bool maximize = false)
        : this(new AdamWGroup<T>(parameters)
        {
            LearningRate = learningRate,
            Beta1 = beta1,
            Beta2 = beta2,
            Epsilon = epsilon,
            WeightDecay = weightDecay,
            AMSGrad = amsgrad,
            Maximize = maximize,
        })
    { }

    /// <summary>Moves groups of parameters, each with its own hyperparameters.</summary>
    /// <param name="groups">The groups, at least one.</param>
    /// <exception cref="ArgumentNullException">The groups are null, or one of them is.</exception>
    /// <exception cref="ArgumentException">There are no groups, or a parameter is there twice.</exception>
    public AdamW(params AdamWGroup<T>[] groups) : base(groups) { }
}

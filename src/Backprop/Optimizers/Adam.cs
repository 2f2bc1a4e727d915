using System.Numerics;

namespace Backprop;

/// <summary>Adam: p -= lr m̂ / (√v̂ + ε), where m̂ and v̂ are running means of g and g², corrected for having started at 0.</summary>
/// <remarks>
/// <para>m = β₁ m + (1 - β₁) g and v = β₂ v + (1 - β₂) g², with g = dL/dp + λ p (weight decay λ); m̂ = m / (1 - β₁^t) and v̂ = v / (1 - β₂^t)
/// after t steps. AMSGrad takes the largest v so far. CHAIN-RULE.md, "Adam".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html">torch.optim.Adam</see>.
/// Sources: D. Kingma and J. Ba, Adam: a method for stochastic optimization, ICLR 2015; S. Reddi et al., On the convergence of Adam and beyond, ICLR 2018.</para>
/// </remarks>
/// <example><code>var adam = new Adam&lt;double&gt;(model.Parameters, learningRate: 1e-3);</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Adam<T> : Optimizer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Moves all parameters with the same hyperparameters.</summary>
    /// <param name="parameters">The parameters, at least one, none twice.</param>
    /// <param name="learningRate">lr, at least 0.</param>
    /// <param name="beta1">β₁, in [0, 1).</param>
    /// <param name="beta2">β₂, in [0, 1).</param>
    /// <param name="epsilon">ε, at least 0.</param>
    /// <param name="weightDecay">λ, at least 0; a part of the gradient (L2), unlike <see cref="AdamW{T}"/>'s.</param>
    /// <param name="amsgrad">Use the largest v so far.</param>
    /// <param name="maximize">Climb instead of descend.</param>
    /// <exception cref="ArgumentException">There are no parameters, or one is there twice.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A hyperparameter is out of its range or not finite.</exception>
    public Adam(
        IEnumerable<Parameter<T>> parameters, double learningRate = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8,
        double weightDecay = 0, bool amsgrad = false, bool maximize = false)
        : this(new AdamGroup<T>(parameters)
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
    public Adam(params AdamGroup<T>[] groups) : base(groups) { }
}

using System.Numerics;

namespace Backprop;

/// <summary>Stochastic gradient descent, p -= lr g, with momentum where it is asked for: buf = μ buf + (1 - τ) g, p -= lr buf.</summary>
/// <remarks>
/// <para>Here g is dL/dp + λ p (weight decay λ), μ the momentum, τ the dampening; the first buf is g itself. With Nesterov's momentum the
/// step is along g + μ buf. CHAIN-RULE.md, "SGD".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html">torch.optim.SGD</see>.
/// Source: I. Sutskever et al., On the importance of initialization and momentum in deep learning, ICML 2013.</para>
/// </remarks>
/// <example>
/// <code>
/// var sgd = new SGD&lt;double&gt;(model.Parameters, learningRate: 0.1, momentum: 0.9);
/// var two = new SGD&lt;double&gt;(
///     new SGDGroup&lt;double&gt;(body.Parameters) { LearningRate = 0.01 },
///     new SGDGroup&lt;double&gt;(head.Parameters) { LearningRate = 0.1, Momentum = 0.9 });
/// </code>
/// </example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class SGD<T> : Optimizer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Moves all parameters with the same hyperparameters.</summary>
    /// <param name="parameters">The parameters, at least one, none twice.</param>
    /// <param name="learningRate">lr, at least 0.</param>
    /// <param name="momentum">μ, at least 0.</param>
    /// <param name="dampening">τ.</param>
    /// <param name="weightDecay">λ, at least 0.</param>
    /// <param name="nesterov">Nesterov's momentum; wants a momentum, and no dampening.</param>
    /// <param name="maximize">Climb instead of descend.</param>
    /// <exception cref="ArgumentException">There are no parameters, or one is there twice, or Nesterov's momentum lacks what it wants.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A hyperparameter is out of its range or not finite.</exception>
    public SGD(
        IEnumerable<Parameter<T>> parameters, double learningRate = 1e-3, double momentum = 0, double dampening = 0, double weightDecay = 0,
        bool nesterov = false, bool maximize = false)
        : this(new SGDGroup<T>(parameters)
        {
            LearningRate = learningRate,
            Momentum = momentum,
            Dampening = dampening,
            WeightDecay = weightDecay,
            Nesterov = nesterov,
            Maximize = maximize,
        })
    { }

    /// <summary>Moves groups of parameters, each with its own hyperparameters.</summary>
    /// <param name="groups">The groups, at least one.</param>
    /// <exception cref="ArgumentNullException">The groups are null, or one of them is.</exception>
    /// <exception cref="ArgumentException">There are no groups, or a parameter is there twice, or hyperparameters do not go together.</exception>
    public SGD(params SGDGroup<T>[] groups) : base(groups) { }
}

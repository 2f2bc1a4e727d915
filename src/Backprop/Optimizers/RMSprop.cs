using System.Numerics;

namespace Backprop;

/// <summary>RMSprop: p -= lr g / (√v + ε), where v is a running mean of g².</summary>
/// <remarks>
/// <para>v = α v + (1 - α) g², with g = dL/dp + λ p (weight decay λ). Centred, the mean of g is kept too and the root is that of the variance,
/// v - mean²; where rounding carries that below 0, it counts as 0 (PyTorch's step is NaN there, as after some equal gradients). With momentum μ the
/// quotient goes into buf = μ buf + g / (√v + ε), and p -= lr buf. CHAIN-RULE.md, "RMSprop".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html">torch.optim.RMSprop</see>.
/// Sources: T. Tieleman and G. Hinton, lecture 6e, 2012; A. Graves, Generating sequences with recurrent neural networks, 2013 (centred).</para>
/// </remarks>
/// <example><code>var rmsprop = new RMSprop&lt;double&gt;(model.Parameters, learningRate: 0.01, centered: true);</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class RMSprop<T> : Optimizer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Moves all parameters with the same hyperparameters.</summary>
    /// <param name="parameters">The parameters, at least one, none twice.</param>
    /// <param name="learningRate">lr, at least 0.</param>
    /// <param name="alpha">α, at least 0.</param>
    /// <param name="epsilon">ε, at least 0.</param>
    /// <param name="weightDecay">λ, at least 0.</param>
    /// <param name="momentum">μ, at least 0.</param>
    /// <param name="centered">Divide by the standard deviation of the gradients instead of their root mean square.</param>
    /// <param name="maximize">Climb instead of descend.</param>
    /// <exception cref="ArgumentException">There are no parameters, or one is there twice.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A hyperparameter is out of its range or not finite.</exception>
    public RMSprop(
        IEnumerable<Parameter<T>> parameters, double learningRate = 1e-2, double alpha = 0.99, double epsilon = 1e-8, double weightDecay = 0,
        double momentum = 0, bool centered = false, bool maximize = false)
        : this(new RMSpropGroup<T>(parameters)
        {
            LearningRate = learningRate,
            Alpha = alpha,
            Epsilon = epsilon,
            WeightDecay = weightDecay,
            Momentum = momentum,
            Centered = centered,
            Maximize = maximize,
        })
    { }

    /// <summary>Moves groups of parameters, each with its own hyperparameters.</summary>
    /// <param name="groups">The groups, at least one.</param>
    /// <exception cref="ArgumentNullException">The groups are null, or one of them is.</exception>
    /// <exception cref="ArgumentException">There are no groups, or a parameter is there twice.</exception>
    public RMSprop(params RMSpropGroup<T>[] groups) : base(groups) { }
}

using System.Numerics;

namespace Backprop;

/// <summary>Adagrad: p -= lr g / (√s + ε), where s is the sum of all g² so far.</summary>
/// <remarks>
/// <para>g = dL/dp + λ p (weight decay λ); in step t the learning rate is lr / (1 + (t - 1) η), with η its decay. CHAIN-RULE.md, "Adagrad".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html">torch.optim.Adagrad</see>.
/// Source: J. Duchi et al., Adaptive subgradient methods for online learning and stochastic optimization, JMLR 2011.</para>
/// </remarks>
/// <example><code>var adagrad = new Adagrad&lt;double&gt;(model.Parameters, learningRate: 0.01);</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Adagrad<T> : Optimizer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Moves all parameters with the same hyperparameters.</summary>
    /// <param name="parameters">The parameters, at least one, none twice.</param>
    /// <param name="learningRate">lr, at least 0.</param>
    /// <param name="learningRateDecay">η, at least 0.</param>
    /// <param name="weightDecay">λ, at least 0.</param>
    /// <param name="initialAccumulatorValue">What s starts from, at least 0.</param>
    /// <param name="epsilon">ε, at least 0.</param>
    /// <param name="maximize">Climb instead of descend.</param>
    /// <exception cref="ArgumentException">There are no parameters, or one is there twice.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A hyperparameter is out of its range or not finite.</exception>
    public Adagrad(
        IEnumerable<Parameter<T>> parameters, double learningRate = 1e-2, double learningRateDecay = 0, double weightDecay = 0,
        double initialAccumulatorValue = 0, double epsilon = 1e-10, bool maximize = false)
        : this(new AdagradGroup<T>(parameters)
        {
            LearningRate = learningRate,
            LearningRateDecay = learningRateDecay,
            WeightDecay = weightDecay,
            InitialAccumulatorValue = initialAccumulatorValue,
            Epsilon = epsilon,
            Maximize = maximize,
        })
    { }

    /// <summary>Moves groups of parameters, each with its own hyperparameters.</summary>
    /// <param name="groups">The groups, at least one.</param>
    /// <exception cref="ArgumentNullException">The groups are null, or one of them is.</exception>
    /// <exception cref="ArgumentException">There are no groups, or a parameter is there twice.</exception>
    public Adagrad(params AdagradGroup<T>[] groups) : base(groups) { }
}

using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;

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
    /// <exception cref="ArgumentException">There are no groups, or a parameter is there twice.</exception>
    public Adagrad(params ReadOnlySpan<AdagradGroup<T>> groups) : base(groups) { }
}

/// <summary>Parameters that <see cref="Adagrad{T}"/> moves, and its hyperparameters for them.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class AdagradGroup<T> : ParameterGroup<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private T[][]? _sum;

    /// <summary>Takes the parameters; the hyperparameters have PyTorch's defaults.</summary>
    /// <param name="parameters">The parameters, at least one, none twice.</param>
    public AdagradGroup(IEnumerable<Parameter<T>> parameters) : base(parameters, learningRate: 1e-2) { }

    /// <summary>η, at least 0: how fast the learning rate falls.</summary>
    public double LearningRateDecay { get; init => field = AtLeastZero(value); }

    /// <summary>What the sum of squares starts from, at least 0.</summary>
    public double InitialAccumulatorValue { get; init => field = AtLeastZero(value); }

    /// <summary>ε, at least 0: keeps the quotient finite.</summary>
    public double Epsilon { get; init => field = AtLeastZero(value); } = 1e-10;

    /// <inheritdoc/>
    protected internal override void Exchange(StateExchange<T> state)
    {
        base.Exchange(state);
        state.Same("lr_decay", LearningRateDecay);
        state.Same("initial_accumulator_value", InitialAccumulatorValue);
        state.Same("eps", Epsilon);
        _sum = state.Buffer("sum", _sum, Parameters);
    }

    /// <inheritdoc/>
    protected override void Update()
    {
        _sum ??= NewBuffer(InitialAccumulatorValue);
        Move(new Rule(LearningRate / (1 + (StepCount - 1) * LearningRateDecay), Epsilon), _sum);
    }

    private readonly struct Rule(double lr, double epsilon) : IUpdateRule<T>
    {
        public static int Buffers => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V sum, ref V _, ref V __) where V : unmanaged, ISimd<V, T>
        {
            sum += g * g;
            p -= lr * g / (V.Sqrt(sum) + epsilon);
        }
    }
}

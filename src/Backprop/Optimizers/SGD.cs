using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;

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
    /// <exception cref="ArgumentException">There are no groups, or a parameter is there twice, or hyperparameters do not go together.</exception>
    public SGD(params ReadOnlySpan<SGDGroup<T>> groups) : base(groups) { }
}

/// <summary>Parameters that <see cref="SGD{T}"/> moves, and its hyperparameters for them.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class SGDGroup<T> : ParameterGroup<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private T[][]? _momentumBuffer;

    /// <summary>Takes the parameters; the hyperparameters have PyTorch's defaults.</summary>
    /// <param name="parameters">The parameters, at least one, none twice.</param>
    public SGDGroup(IEnumerable<Parameter<T>> parameters) : base(parameters, learningRate: 1e-3) { }

    /// <summary>μ, at least 0: how much of the last step goes into this one.</summary>
    public double Momentum { get; set => field = AtLeastZero(value); }

    /// <summary>τ: how much of the gradient is kept out of the momentum.</summary>
    public double Dampening { get; init => field = Finite(value); }

    /// <summary>Nesterov's momentum: step along g + μ buf.</summary>
    public bool Nesterov { get; init; }

    /// <inheritdoc/>
    protected internal override double? CycledMomentum { get => Momentum; set => Momentum = value ?? 0; }

    /// <inheritdoc/>
    protected internal override void Check()
    {
        if (Nesterov && (Momentum == 0 || Dampening != 0))
            throw new ArgumentException($"{Owner} expects a momentum above 0 and no dampening where nesterov is set, but momentum is {Momentum} and dampening is {Dampening}.", "nesterov");
    }

    /// <inheritdoc/>
    protected internal override void Exchange(StateExchange<T> state)
    {
        base.Exchange(state);
        Momentum = state.Value("momentum", Momentum);
        state.Same("dampening", Dampening);
        state.Same("nesterov", Nesterov);
        _momentumBuffer = state.Buffer("momentum_buffer", _momentumBuffer, Parameters);
    }

    /// <inheritdoc/>
    protected override void Update()
    {
        if (Momentum == 0)
        {
            Move(new Plain(LearningRate));
            return;
        }

        // The first buffer is g itself, undampened.
        var first = _momentumBuffer is null;
        _momentumBuffer ??= NewBuffer();
        var (mu, share) = first ? (0, 1) : (Momentum, 1 - Dampening);
        if (Nesterov) Move(new Lookahead(LearningRate, mu, share, Momentum), _momentumBuffer);
        else Move(new Heavy(LearningRate, mu, share), _momentumBuffer);
    }

    private readonly struct Plain(double lr) : IUpdateRule<T>
    {
        public static int Buffers => 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V _, ref V __, ref V ___) where V : unmanaged, ISimd<V, T> => p -= lr * g;
    }

    private readonly struct Heavy(double lr, double mu, double share) : IUpdateRule<T>
    {
        public static int Buffers => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V buf, ref V _, ref V __) where V : unmanaged, ISimd<V, T>
        {
            buf = mu * buf + share * g;
            p -= lr * buf;
        }
    }

    private readonly struct Lookahead(double lr, double mu, double share, double momentum) : IUpdateRule<T>
    {
        public static int Buffers => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V buf, ref V _, ref V __) where V : unmanaged, ISimd<V, T>
        {
            buf = mu * buf + share * g;
            p -= lr * (g + momentum * buf);
        }
    }
}

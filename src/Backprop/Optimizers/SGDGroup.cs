using System.Numerics;
using System.Runtime.CompilerServices;
using static System.FormattableString;

namespace Backprop;

/// <summary>Parameters that <see cref="SGD{T}"/> moves, and its hyperparameters for them.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class SGDGroup<T> : ParameterGroup<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly StateBuffer<T> _momentumBuffer;

    /// <summary>Takes the parameters; the hyperparameters have PyTorch's defaults.</summary>
    /// <param name="parameters">The parameters, at least one, none twice.</param>
    public SGDGroup(IEnumerable<Parameter<T>> parameters) : base(parameters, learningRate: 1e-3) => _momentumBuffer = Register("momentum_buffer");

    /// <summary>μ, at least 0: how much of the last step goes into this one.</summary>
    public double Momentum { get; set => field = AtLeastZero(value); }

    /// <summary>τ: how much of the gradient is kept out of the momentum.</summary>
    public double Dampening { get; init => field = Finite(value); }

    /// <summary>Nesterov's momentum: step along g + μ buf.</summary>
    public bool Nesterov { get; init; }

    /// <inheritdoc/>
    public override double? CycledMomentum { get => Momentum; set => Momentum = value ?? 0; }

    /// <inheritdoc/>
    protected override void Check()
    {
        if (Nesterov && (Momentum == 0 || Dampening != 0))
            throw new ArgumentException(Invariant($"{Owner} expects a momentum above 0 and no dampening where nesterov is set, but momentum is {Momentum} and dampening is {Dampening}."), "nesterov");
    }

    /// <inheritdoc/>
    protected override void Exchange(StateExchange state)
    {
        base.Exchange(state);
        Momentum = state.Value("momentum", Momentum);
        state.Same("dampening", Dampening);
        state.Same("nesterov", Nesterov);
    }

    /// <inheritdoc/>
    protected override void Update(UpdateStep<T> step)
    {
        if (Momentum == 0)
        {
            step.Apply(new Plain(LearningRate));
            return;
        }

        // The first buffer is g itself, undampened.
        var (mu, share) = step.IsNew(_momentumBuffer) ? (0, 1) : (Momentum, 1 - Dampening);
        if (Nesterov) step.Apply(new Lookahead(LearningRate, mu, Momentum), _momentumBuffer);
        else step.Apply(new Heavy(LearningRate, mu, share), _momentumBuffer);
    }

    private readonly struct Plain(double lr) : IUpdateRule<T>
    {
        public static int Buffers => 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V _, ref V __, ref V ___) where V : unmanaged, IVector<V, T> => p -= lr * g;
    }

    private readonly struct Heavy(double lr, double mu, double share) : IUpdateRule<T>
    {
        public static int Buffers => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V buf, ref V _, ref V __) where V : unmanaged, IVector<V, T>
        {
            buf = mu * buf + share * g;
            p -= lr * buf;
        }
    }

    // Nesterov's takes no dampening: the share is 1.
    private readonly struct Lookahead(double lr, double mu, double momentum) : IUpdateRule<T>
    {
        public static int Buffers => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V buf, ref V _, ref V __) where V : unmanaged, IVector<V, T>
        {
            buf = mu * buf + g;
            p -= lr * (g + momentum * buf);
        }
    }
}

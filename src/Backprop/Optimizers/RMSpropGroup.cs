using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>Parameters that <see cref="RMSprop{T}"/> moves, and its hyperparameters for them.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class RMSpropGroup<T> : ParameterGroup<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly StateBuffer<T> _squareAvg, _gradAvg, _momentumBuffer;

    /// <summary>Takes the parameters; the hyperparameters have PyTorch's defaults.</summary>
    /// <param name="parameters">The parameters, at least one, none twice.</param>
    public RMSpropGroup(IEnumerable<Parameter<T>> parameters) : base(parameters, learningRate: 1e-2) =>
        (_squareAvg, _gradAvg, _momentumBuffer) = (Register("square_avg"), Register("grad_avg"), Register("momentum_buffer"));

    /// <summary>α, at least 0: how slowly the means forget.</summary>
    public double Alpha { get; init => field = AtLeastZero(value); } = 0.99;

    /// <summary>ε, at least 0: keeps the quotient finite.</summary>
    public double Epsilon { get; init => field = AtLeastZero(value); } = 1e-8;

    /// <summary>μ, at least 0: how much of the last step goes into this one.</summary>
    public double Momentum { get; set => field = AtLeastZero(value); }

    /// <summary>Divide by the standard deviation of the gradients instead of their root mean square.</summary>
    public bool Centered { get; init; }

    /// <inheritdoc/>
    public override double? CycledMomentum { get => Momentum; set => Momentum = value ?? 0; }

    /// <inheritdoc/>
    protected override void Exchange(StateExchange state)
    {
        base.Exchange(state);
        state.Same("alpha", Alpha);
        state.Same("eps", Epsilon);
        Momentum = state.Value("momentum", Momentum);
        state.Same("centered", Centered);
    }

    /// <inheritdoc/>
    protected override void Update(UpdateStep<T> step)
    {
        switch (Centered, Momentum > 0)
        {
            case (false, false): step.Apply(new Plain(LearningRate, Alpha, Epsilon), _squareAvg); break;
            case (true, false): step.Apply(new Centred(LearningRate, Alpha, Epsilon), _squareAvg, _gradAvg); break;
            case (false, true): step.Apply(new Heavy(LearningRate, Alpha, Epsilon, Momentum), _squareAvg, _momentumBuffer); break;
            case (true, true): step.Apply(new CentredHeavy(LearningRate, Alpha, Epsilon, Momentum), _squareAvg, _gradAvg, _momentumBuffer); break;
        }
    }

    private readonly struct Plain(double lr, double alpha, double epsilon) : IUpdateRule<T>
    {
        public static int Buffers => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V v, ref V _, ref V __) where V : unmanaged, IVector<V, T>
        {
            v = alpha * v + (1 - alpha) * g * g;
            p -= lr * g / (V.Sqrt(v) + epsilon);
        }
    }

    // Where the last gradients were nearly equal, rounding may carry the variance v - mean² below 0.
    private readonly struct Centred(double lr, double alpha, double epsilon) : IUpdateRule<T>
    {
        public static int Buffers => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V v, ref V mean, ref V _) where V : unmanaged, IVector<V, T>
        {
            v = alpha * v + (1 - alpha) * g * g;
            mean = alpha * mean + (1 - alpha) * g;
            p -= lr * g / (V.Sqrt(V.AtLeast(0, v - mean * mean)) + epsilon);
        }
    }

    private readonly struct Heavy(double lr, double alpha, double epsilon, double momentum) : IUpdateRule<T>
    {
        public static int Buffers => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V v, ref V buf, ref V _) where V : unmanaged, IVector<V, T>
        {
            v = alpha * v + (1 - alpha) * g * g;
            buf = momentum * buf + g / (V.Sqrt(v) + epsilon);
            p -= lr * buf;
        }
    }

    private readonly struct CentredHeavy(double lr, double alpha, double epsilon, double momentum) : IUpdateRule<T>
    {
        public static int Buffers => 3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V v, ref V mean, ref V buf) where V : unmanaged, IVector<V, T>
        {
            v = alpha * v + (1 - alpha) * g * g;
            mean = alpha * mean + (1 - alpha) * g;
            buf = momentum * buf + g / (V.Sqrt(V.AtLeast(0, v - mean * mean)) + epsilon);
            p -= lr * buf;
        }
    }
}

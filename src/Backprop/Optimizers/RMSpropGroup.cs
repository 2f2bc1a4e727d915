using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;

namespace Backprop;

/// <summary>Parameters that <see cref="RMSprop{T}"/> moves, and its hyperparameters for them.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class RMSpropGroup<T> : ParameterGroup<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private T[][]? _squareAvg, _gradAvg, _momentumBuffer;

    /// <summary>Takes the parameters; the hyperparameters have PyTorch's defaults.</summary>
    /// <param name="parameters">The parameters, at least one, none twice.</param>
    public RMSpropGroup(IEnumerable<Parameter<T>> parameters) : base(parameters, learningRate: 1e-2) { }

    /// <summary>α, at least 0: how slowly the means forget.</summary>
    public double Alpha { get; init => field = AtLeastZero(value); } = 0.99;

    /// <summary>ε, at least 0: keeps the quotient finite.</summary>
    public double Epsilon { get; init => field = AtLeastZero(value); } = 1e-8;

    /// <summary>μ, at least 0: how much of the last step goes into this one.</summary>
    public double Momentum { get; set => field = AtLeastZero(value); }

    /// <summary>Divide by the standard deviation of the gradients instead of their root mean square.</summary>
    public bool Centered { get; init; }

    /// <inheritdoc/>
    protected internal override double? CycledMomentum { get => Momentum; set => Momentum = value ?? 0; }

    /// <inheritdoc/>
    protected internal override void Exchange(StateExchange<T> state)
    {
        base.Exchange(state);
        state.Same("alpha", Alpha);
        state.Same("eps", Epsilon);
        Momentum = state.Value("momentum", Momentum);
        state.Same("centered", Centered);
        _squareAvg = state.Buffer("square_avg", _squareAvg, Parameters);
        _gradAvg = state.Buffer("grad_avg", _gradAvg, Parameters);
        _momentumBuffer = state.Buffer("momentum_buffer", _momentumBuffer, Parameters);
    }

    /// <inheritdoc/>
    protected override void Update()
    {
        _squareAvg ??= NewBuffer();
        if (Centered) _gradAvg ??= NewBuffer();
        if (Momentum > 0) _momentumBuffer ??= NewBuffer();
        switch (Centered, Momentum > 0)
        {
            case (false, false): Move(new Plain(LearningRate, Alpha, Epsilon), _squareAvg); break;
            case (true, false): Move(new Centred(LearningRate, Alpha, Epsilon), _squareAvg, _gradAvg); break;
            case (false, true): Move(new Heavy(LearningRate, Alpha, Epsilon, Momentum), _squareAvg, _momentumBuffer); break;
            case (true, true): Move(new CentredHeavy(LearningRate, Alpha, Epsilon, Momentum), _squareAvg, _gradAvg, _momentumBuffer); break;
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

    private readonly struct Centred(double lr, double alpha, double epsilon) : IUpdateRule<T>
    {
        public static int Buffers => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V v, ref V mean, ref V _) where V : unmanaged, IVector<V, T>
        {
            v = alpha * v + (1 - alpha) * g * g;
            mean = alpha * mean + (1 - alpha) * g;
            p -= lr * g / (V.Sqrt(v - mean * mean) + epsilon);
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
            buf = momentum * buf + g / (V.Sqrt(v - mean * mean) + epsilon);
            p -= lr * buf;
        }
    }
}

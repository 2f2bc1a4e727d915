using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;

namespace Backprop;

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
        public void Apply<V>(V g, ref V p, ref V sum, ref V _, ref V __) where V : unmanaged, IVector<V, T>
        {
            sum += g * g;
            p -= lr * g / (V.Sqrt(sum) + epsilon);
        }
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>Parameters that <see cref="Adagrad{T}"/> moves, and its hyperparameters for them.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class AdagradGroup<T> : ParameterGroup<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly StateBuffer<T> _sum;

    /// <summary>Takes the parameters; the hyperparameters have PyTorch's defaults.</summary>
    /// <param name="parameters">The parameters, at least one, none twice.</param>
    public AdagradGroup(IEnumerable<Parameter<T>> parameters) : base(parameters, learningRate: 1e-2) => _sum = Register("sum");

    /// <summary>η, at least 0: how fast the learning rate falls.</summary>
    public double LearningRateDecay { get; init => field = AtLeastZero(value); }

    /// <summary>What the sum of squares starts from, at least 0.</summary>
    public double InitialAccumulatorValue { get => _sum.InitialValue; init => _sum.InitialValue = AtLeastZero(value); }

    /// <summary>ε, at least 0: keeps the quotient finite.</summary>
    public double Epsilon { get; init => field = AtLeastZero(value); } = 1e-10;

    /// <inheritdoc/>
    protected override void Exchange(StateExchange state)
    {
        base.Exchange(state);
        state.Same("lr_decay", LearningRateDecay);
        state.Same("initial_accumulator_value", InitialAccumulatorValue);
        state.Same("eps", Epsilon);
    }

    /// <inheritdoc/>
    protected override void Update(UpdateStep<T> step) =>
        step.Apply(new Rule(LearningRate / (1 + (step.Number - 1) * LearningRateDecay), Epsilon), _sum);

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

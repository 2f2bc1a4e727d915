using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>Parameters that <see cref="Adam{T}"/> moves, and its hyperparameters for them.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public class AdamGroup<T> : ParameterGroup<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly StateBuffer<T> _expAvg, _expAvgSq, _maxExpAvgSq;

    /// <summary>Takes the parameters; the hyperparameters have PyTorch's defaults.</summary>
    /// <param name="parameters">The parameters, at least one, none twice.</param>
    public AdamGroup(IEnumerable<Parameter<T>> parameters) : base(parameters, learningRate: 1e-3) =>
        (_expAvg, _expAvgSq, _maxExpAvgSq) = (Register("exp_avg"), Register("exp_avg_sq"), Register("max_exp_avg_sq"));

    /// <summary>β₁, in [0, 1): how slowly the mean of the gradients forgets.</summary>
    public double Beta1 { get; set => field = BelowOne(value); } = 0.9;

    /// <summary>β₂, in [0, 1): how slowly the mean of their squares forgets.</summary>
    public double Beta2 { get; set => field = BelowOne(value); } = 0.999;

    /// <summary>ε, at least 0: keeps the quotient finite.</summary>
    public double Epsilon { get; init => field = AtLeastZero(value); } = 1e-8;

    /// <summary>Use the largest v so far (without its correction), so that steps never grow again.</summary>
    public bool AMSGrad { get; init; }

    /// <inheritdoc/>
    public override double? CycledMomentum { get => Beta1; set => Beta1 = value ?? 0; }

    /// <inheritdoc/>
    protected override void Exchange(StateExchange state)
    {
        base.Exchange(state);
        Beta1 = state.Value("beta1", Beta1);
        Beta2 = state.Value("beta2", Beta2);
        state.Same("eps", Epsilon);
        state.Same("amsgrad", AMSGrad);
    }

    /// <inheritdoc/>
    protected override void Update(UpdateStep<T> step)
    {
        var size = LearningRate / (1 - Math.Pow(Beta1, step.Number));
        var correction = Math.Sqrt(1 - Math.Pow(Beta2, step.Number));
        if (AMSGrad) step.Apply(new Largest(Beta1, Beta2, size, correction, Epsilon), _expAvg, _expAvgSq, _maxExpAvgSq);
        else step.Apply(new Plain(Beta1, Beta2, size, correction, Epsilon), _expAvg, _expAvgSq);
    }

    // size = lr / (1 - β₁^t), correction = √(1 - β₂^t).
    private readonly struct Plain(double beta1, double beta2, double size, double correction, double epsilon) : IUpdateRule<T>
    {
        public static int Buffers => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V m, ref V v, ref V _) where V : unmanaged, IVector<V, T>
        {
            m = beta1 * m + (1 - beta1) * g;
            v = beta2 * v + (1 - beta2) * g * g;
            p -= size * m / (V.Sqrt(v) / correction + epsilon);
        }
    }

    private readonly struct Largest(double beta1, double beta2, double size, double correction, double epsilon) : IUpdateRule<T>
    {
        public static int Buffers => 3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V m, ref V v, ref V vMax) where V : unmanaged, IVector<V, T>
        {
            m = beta1 * m + (1 - beta1) * g;
            v = beta2 * v + (1 - beta2) * g * g;
            vMax = V.Max(vMax, v);
            p -= size * m / (V.Sqrt(vMax) / correction + epsilon);
        }
    }
}

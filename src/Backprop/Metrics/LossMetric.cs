using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A loss as a metric, over all that was added: sums and divisors are added, means are never averaged.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="name">The name, as a history has it.</param>
/// <param name="loss">The loss.</param>
/// <exception cref="ArgumentNullException">An argument is null.</exception>
/// <exception cref="ArgumentException">The name is empty.</exception>
public sealed class LossMetric<T>(string name, Loss<T> loss) : AccumulatingMetric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Loss<T> _loss = Expect.NotNull(loss);

    /// <inheritdoc/>
    public override string Name { get; } = string.IsNullOrWhiteSpace(name) ? throw new ArgumentException("LossMetric expects a name.", nameof(name)) : name;

    /// <inheritdoc/>
    public override bool GreaterIsBetter => false;

    /// <inheritdoc/>
    public override MetricState<T> NewState() => new State(Name, _loss);

    private sealed class State(string name, Loss<T> loss) : MetricState<T>(name)
    {
        private readonly LossTerm[] _terms = new LossTerm[loss.TermCount], _added = new LossTerm[loss.TermCount];

        public override double Value => LossTerm.Total(_terms, loss.Reduction);

        protected override void AddCore(Matrix<T> prediction, Matrix<T> target)
        {
            loss.Terms(prediction, target, _added);
            for (var i = 0; i < _terms.Length; i++) _terms[i] += _added[i];
        }
    }
}

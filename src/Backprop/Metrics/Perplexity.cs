using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>e to the mean cross entropy of logits: among how many equally likely classes the model is as uncertain.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="ignoreIndex">The class whose samples do not count.</param>
public sealed class Perplexity<T>(int ignoreIndex = -100) : AccumulatingMetric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "perplexity";

    /// <inheritdoc/>
    public override bool GreaterIsBetter => false;

    /// <inheritdoc/>
    public override MetricState<T> NewState() => new State(new(Name, logits: true, ignoreIndex));

    private sealed class State(LogLoss<T>.State loss) : MetricState<T>(loss.Name)
    {
        public override double Value => Math.Exp(loss.Value);

        protected override void AddCore(Matrix<T> prediction, Matrix<T> target) => loss.Add(prediction, target);
    }
}

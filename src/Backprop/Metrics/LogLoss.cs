using System.Globalization;
using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The mean negative logarithm of the probability that a sample's class was given.</summary>
/// <remarks>
/// <para>Probabilities in one column are those of class 1. They are kept from 0 and 1 by the type's precision, and rows of several columns are scaled to a sum of 1, as in
/// <see href="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.log_loss.html">scikit-learn</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="logits">Whether predictions are logits instead, of which softmax, or sigmoid, makes probabilities.</param>
/// <param name="ignoreIndex">The class whose samples do not count.</param>
public sealed class LogLoss<T>(bool logits = false, int ignoreIndex = -100) : AccumulatingMetric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "log_loss";

    /// <inheritdoc/>
    public override bool GreaterIsBetter => false;

    /// <inheritdoc/>
    public override MetricState<T> NewState() => new State(Name, logits, ignoreIndex);

    internal sealed class State(string name, bool logits, int ignoreIndex) : MetricState<T>(name)
    {
        private static readonly double Precision = typeof(T) == typeof(float) ? 1.1920929e-7 : 2.220446049250313e-16;

        private double _sum;
        private long _samples;

        public override double Value => _sum / _samples;

        protected override void AddCore(Matrix<T> prediction, Matrix<T> target)
        {
            for (var i = 0; i < prediction.RowCount; i++)
            {
                if (Labels.IsIgnored(target, i, ignoreIndex)) continue;
                var actual = prediction.ColumnCount == 1 ? Labels.Binary(Name, target, i) : Labels.Class(Name, prediction, target, i);
                _sum -= logits ? OfLogits(prediction, i, actual) : OfProbabilities(prediction, i, actual);
                _samples++;
            }
        }

        private static double OfProbabilities(Matrix<T> p, int i, int actual)
        {
            double Clipped(int j) => Math.Clamp(Probability(j), Precision, 1 - Precision);

            double Probability(int j)
            {
                var value = double.CreateTruncating(p[i, j]);
                return value is < 0 or > 1
                    ? throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"log_loss expects probabilities from 0 to 1, but prediction has {value} in row {i}, column {j}; logits: true takes logits."))
                    : value;
            }

            if (p.ColumnCount == 1) return Math.Log(actual == 1 ? Clipped(0) : 1 - Clipped(0));
            var sum = 0.0;
            for (var j = 0; j < p.ColumnCount; j++) sum += Clipped(j);
            return Math.Log(Clipped(actual) / sum);
        }

        private static double OfLogits(Matrix<T> x, int i, int actual)
        {
            double Logit(int j) => double.CreateTruncating(x[i, j]);
            if (x.ColumnCount == 1)
            {
                // log σ(z) = min(z, 0) - log(1 + e^-|z|)
                var z = actual == 1 ? Logit(0) : -Logit(0);
                return Math.Min(z, 0) - Math.Log(1 + Math.Exp(-Math.Abs(z)));
            }

            double max = double.NegativeInfinity, sum = 0;
            for (var j = 0; j < x.ColumnCount; j++) max = Math.Max(max, Logit(j));
            for (var j = 0; j < x.ColumnCount; j++) sum += Math.Exp(Logit(j) - max);
            return Logit(actual) - max - Math.Log(sum);
        }
    }
}

using System.Globalization;
using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The share of samples whose class has one of the k largest outputs; ties go to the lower class. With k = 1, the accuracy.</summary>
/// <remarks>An output that is NaN counts as larger than every number, as PyTorch sorts it, and is never right.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="k">How many guesses there are, at least 1.</param>
/// <param name="ignoreIndex">The class of samples that count nowhere, where targets are class indices, as that of a <see cref="CrossEntropyLoss{T}"/>. Over none it is NaN.</param>
/// <exception cref="ArgumentOutOfRangeException">k is below 1.</exception>
public sealed class Accuracy<T>(int k = 1, int ignoreIndex = -100) : AccumulatingMetric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly int _k = Expect.Positive("Accuracy", k, nameof(k));

    /// <inheritdoc/>
    public override string Name => _k == 1 ? "accuracy" : string.Create(CultureInfo.InvariantCulture, $"top_{_k}_accuracy");

    /// <inheritdoc/>
    public override MetricState<T> NewState() => new State(Name, _k, ignoreIndex);

    /// <inheritdoc/>
    protected override void Describe(Settings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.Add("k", _k);
        if (ignoreIndex != -100) settings.Add("ignoreIndex", ignoreIndex);     // as files of 0.2 have it
    }

    private sealed class State(string name, int k, int ignoreIndex) : MetricState<T>(name)
    {
        private long _right, _samples;

        public override double Value => (double)_right / _samples;

        protected override void AddCore(Matrix<T> prediction, Matrix<T> target)
        {
            if (k > prediction.ColumnCount) throw new ArgumentException($"{Name} expects at least {k} outputs, but prediction is {Operand.Shape(prediction)}.", nameof(prediction));
            for (var i = 0; i < prediction.RowCount; i++)
            {
                if (Labels.IsIgnored(target, i, ignoreIndex)) continue;
                _samples++;
                var actual = Labels.Class(Name, prediction, target, i);
                var output = prediction[i, actual];
                var better = 0;
                for (var j = 0; j < prediction.ColumnCount; j++)
                    if (!(prediction[i, j] <= output) || (j < actual && prediction[i, j] == output)) better++;
                if (better < k && !T.IsNaN(output)) _right++;
            }
        }
    }
}

using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Keeps predictions and targets until all are there, for a metric that wants them at once.</summary>
internal sealed class CollectedState<T>(Metric<T> metric) : MetricState<T>(metric.Name) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly List<Matrix<T>> _predictions = [], _targets = [];

    public override double Value => metric.Of(Together(_predictions), Together(_targets));

    protected override void AddCore(Matrix<T> prediction, Matrix<T> target)
    {
        _predictions.Add(prediction.Clone());
        _targets.Add(target.Clone());
    }

    private static Matrix<T> Together(List<Matrix<T>> chunks)
    {
        if (chunks.Count == 1) return chunks[0];
        var whole = Matrix<T>.Build.Dense(chunks.Sum(chunk => chunk.RowCount), chunks.Count == 0 ? 0 : chunks[0].ColumnCount);
        var first = 0;
        foreach (var chunk in chunks)
        {
            for (var j = 0; j < chunk.ColumnCount; j++)
                chunk.Span().Slice(j * chunk.RowCount, chunk.RowCount).CopyTo(whole.Span()[(j * whole.RowCount + first)..]);
            first += chunk.RowCount;
        }

        return whole;
    }
}

using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Explain;

/// <summary>Means and deviations of the columns of the data, over the first samples.</summary>
internal sealed class ColumnsWatch<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const long Enough = 4096;       // a mean is then known to 1/64 of its deviation

    private double[] _means = [], _squares = [];    // Welford's: sums of squares would cancel where a mean is large
    private long _rows;

    internal void Look(Matrix<T> x)
    {
        if (_means.Length != x.ColumnCount) (_means, _squares, _rows) = (new double[x.ColumnCount], new double[x.ColumnCount], 0);
        if (_rows >= Enough) return;
        var entries = Norms.Entries(x);
        for (var j = 0; j < x.ColumnCount; j++)
        {
            var count = _rows;
            foreach (var entry in entries.Slice(j * x.RowCount, x.RowCount))
            {
                var d = double.CreateTruncating(entry) - _means[j];
                _means[j] += d / ++count;
                _squares[j] += d * (double.CreateTruncating(entry) - _means[j]);
            }
        }

        _rows += x.RowCount;
    }

    internal IReadOnlyList<ColumnRecord> Columns() => [.. _means.Select((mean, j) => new ColumnRecord(mean, Math.Sqrt(Math.Max(_squares[j] / Math.Max(_rows, 1), 0))))];
}

using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>What a loss or a metric sees of sequences that differ in length: of a prediction with a row for each step, the rows of steps that are there; all rows of any other.</summary>
/// <remarks>So what stands in a target beyond a sequence's end is not looked at, whatever it is, and every loss divides by what is there, without knowing of lengths.
/// That is a copy, anew for each other number of steps; layers work on the whole.</remarks>
internal sealed class RealRows<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private ReusedMatrix<T> _prediction, _target, _weights, _gradient;
    private int[] _rows = [];
    private int _count = -1;        // of rows that are left; -1 where all are
    private int _all;

    /// <summary>The prediction, as the loss sees it.</summary>
    internal Matrix<T> Prediction { get; private set; } = null!;

    /// <summary>The target, as the loss sees it.</summary>
    internal Matrix<T> Target { get; private set; } = null!;

    /// <summary>What each row weighs, or each sample of as many rows as others.</summary>
    internal Matrix<T>? Weights { get; private set; }

    /// <summary>Looks at a batch.</summary>
    /// <param name="prediction">The prediction.</param>
    /// <param name="batch">Targets, weights and lengths.</param>
    internal void Take(Matrix<T> prediction, Batch<T> batch)
    {
        (Prediction, Target, Weights, _count) = (prediction, batch.Y, batch.Weights, -1);
        var lengths = batch.Lengths.Span;
        if (lengths.IsEmpty || prediction.RowCount != batch.X.RowCount || prediction.RowCount != batch.Y.RowCount || prediction.RowCount == lengths.Length) return;
        if (batch.Weights is { } given) Operand.Exactly("Trainer", given, lengths.Length, 1, "weights");
        var (steps, count) = (prediction.RowCount / lengths.Length, 0);
        foreach (var length in lengths) count += length;
        if (_rows.Length < count) _rows = new int[prediction.RowCount];
        (_count, _all) = (count, prediction.RowCount);
        for (int n = 0, row = 0; n < lengths.Length; n++)
            for (var t = 0; t < lengths[n]; t++) _rows[row++] = n * steps + t;
        var rows = _rows.AsSpan(0, count);
        Prediction = Samples<T>.Gather(prediction, rows, 1, _prediction.Get(count, prediction.ColumnCount));
        Target = Samples<T>.Gather(batch.Y, rows, 1, _target.Get(count, batch.Y.ColumnCount));
        if (batch.Weights is not { } weights) return;
        Weights = _weights.Get(count, 1);
        for (var i = 0; i < count; i++) Weights.Span()[i] = weights.Span()[rows[i] / steps];
    }

    /// <summary>The gradient of the whole prediction, from that of what the loss has seen: 0 beyond.</summary>
    internal Matrix<T> Spread(Matrix<T> gradient)
    {
        if (_count < 0) return gradient;
        var whole = _gradient.Get(_all, gradient.ColumnCount);
        Span<T> from = gradient.Span(), to = whole.Span();
        to.Clear();
        for (var j = 0; j < gradient.ColumnCount; j++)
            for (var i = 0; i < _count; i++) to[j * _all + _rows[i]] = from[j * _count + i];
        return whole;
    }
}

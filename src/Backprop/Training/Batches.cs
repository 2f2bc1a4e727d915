using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A set of samples, a few at a time: rows of x and y, gathered into two matrices that every batch reuses.</summary>
/// <remarks>
/// With a generator, each epoch has a new order: that of <c>torch.randperm</c>, and so of PyTorch's <c>DataLoader(shuffle=True)</c> with that generator's
/// draws. The set itself is never copied.
/// </remarks>
/// <threadsafety>One thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Batches<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Matrix<T> _x, _y;
    private readonly int[] _order;
    private MatrixBuffer<T> _xs, _ys;

    /// <summary>Takes a set of samples. Its matrices are kept by reference.</summary>
    /// <param name="x">Inputs, a row each; dense.</param>
    /// <param name="y">Targets, a row each; dense, with as many rows as <paramref name="x"/>.</param>
    /// <param name="batchSize">Samples in a batch, at least 1. One above the number of samples makes one batch of all.</param>
    /// <param name="generator">Draws a new order for each epoch; null keeps the order of the rows.</param>
    /// <param name="dropLast">Whether a last batch with fewer samples is left out.</param>
    /// <exception cref="ArgumentNullException">A matrix is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, their rows differ, or no batch would be left.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batchSize"/> is below 1.</exception>
    public Batches(Matrix<T> x, Matrix<T> y, int batchSize, Generator? generator = null, bool dropLast = false)
    {
        Element.Require<T>();
        Shape.Dense("Batches", x, nameof(x));
        Shape.Dense("Batches", y, nameof(y));
        if (x.RowCount != y.RowCount)
            throw new ArgumentException($"Batches expects a target for each sample, but x is {Shape.Of(x)} and y is {Shape.Of(y)}.", nameof(y));
        Shape.Positive("Batches", batchSize, nameof(batchSize));
        if (dropLast && x.RowCount < batchSize)
            throw new ArgumentException($"Batches of {batchSize} leave none of {x.RowCount} samples when the last one is dropped.", nameof(batchSize));
        (_x, _y, BatchSize, Generator, DropLast) = (x, y, Math.Min(batchSize, x.RowCount), generator, dropLast);
        _order = [.. Enumerable.Range(0, x.RowCount)];
    }

    /// <summary>Samples in a batch, except perhaps the last.</summary>
    public int BatchSize { get; }

    /// <summary>Whether a last batch with fewer samples is left out.</summary>
    public bool DropLast { get; }

    /// <summary>What draws the order; null where there is none.</summary>
    public Generator? Generator { get; }

    /// <summary>All samples of the set.</summary>
    public int SampleCount => _order.Length;

    /// <summary>Batches in an epoch.</summary>
    public int Count => DropLast ? SampleCount / BatchSize : (SampleCount + BatchSize - 1) / BatchSize;

    /// <summary>The rows in the order of this epoch.</summary>
    public ReadOnlySpan<int> Order => _order;

    /// <summary>Draws the order of the next epoch; without a generator, the rows stay as they are.</summary>
    public void Shuffle() => Generator?.Permutation(_order);

    /// <summary>A batch of this epoch.</summary>
    /// <param name="index">Its number, from 0.</param>
    /// <returns>Inputs and targets; the next call overwrites them.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such batch.</exception>
    public (Matrix<T> X, Matrix<T> Y) this[int index]
    {
        get
        {
            if ((uint)index >= (uint)Count) throw new ArgumentOutOfRangeException(nameof(index), index, $"There are {Count} batches.");
            var rows = _order.AsSpan(index * BatchSize, Math.Min(BatchSize, SampleCount - index * BatchSize));
            return (Gather(_x, rows, ref _xs), Gather(_y, rows, ref _ys));
        }
    }

    /// <summary>Goes on in an order that was kept, as part of a checkpoint.</summary>
    internal void SetOrder(ReadOnlySpan<int> order) => order.CopyTo(_order);

    private static Matrix<T> Gather(Matrix<T> from, ReadOnlySpan<int> rows, ref MatrixBuffer<T> buffer)
    {
        var to = buffer.Get(rows.Length, from.ColumnCount);
        Span<T> source = from.Span(), target = to.Span();
        for (var j = 0; j < from.ColumnCount; j++)
        {
            ReadOnlySpan<T> column = source.Slice(j * from.RowCount, from.RowCount);
            var result = target.Slice(j * rows.Length, rows.Length);
            for (var i = 0; i < rows.Length; i++) result[i] = column[rows[i]];
        }

        return to;
    }
}

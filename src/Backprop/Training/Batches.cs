using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>A set of samples, a few at a time: rows of x and y, gathered into two matrices that every batch reuses.</summary>
/// <remarks>
/// The set itself is never copied. With a generator to shuffle by, each epoch has a new order, that of <c>torch.randperm(n, generator=generator)</c>;
/// without, the rows come as they are. (PyTorch's <c>DataLoader</c> takes its order from <c>randperm</c>, too, but draws one number more in each epoch, a seed for its workers.)
/// </remarks>
/// <example>
/// <code>
/// var batches = new Batches&lt;double&gt;(x, y, batchSize: 32, shuffle: generator);
/// batches.Shuffle();
/// for (var i = 0; i &lt; batches.Count; i++)
/// {
///     var (xs, ys) = batches.Gather(i);
/// }
/// </code>
/// </example>
/// <threadsafety>One thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Batches<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly int[] _order;
    private ReusedMatrix<T> _xs, _ys;

    /// <summary>Takes a set of samples.</summary>
    /// <param name="samples">The samples.</param>
    /// <param name="batchSize">Samples in a batch, at least 1. One above the number of samples makes one batch of all.</param>
    /// <param name="shuffle">Draws a new order for each epoch; null keeps the order of the rows.</param>
    /// <param name="dropLast">Whether a last batch with fewer samples is left out.</param>
    /// <exception cref="ArgumentNullException"><paramref name="samples"/> is null.</exception>
    /// <exception cref="ArgumentException">No batch would be left.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batchSize"/> is below 1.</exception>
    public Batches(Samples<T> samples, int batchSize, Generator? shuffle = null, bool dropLast = false)
    {
        ArgumentNullException.ThrowIfNull(samples);
        Expect.Positive("Batches", batchSize, nameof(batchSize));
        if (dropLast && samples.Count < batchSize)
            throw new ArgumentException($"Batches expects at least {batchSize} samples where a smaller last batch is dropped, but there are {samples.Count}.", nameof(batchSize));
        (Samples, BatchSize, Generator, DropLast) = (samples, Math.Min(batchSize, samples.Count), shuffle, dropLast);
        _order = [.. Enumerable.Range(0, samples.Count)];
    }

    /// <summary>Takes a set of samples. Its matrices are kept by reference.</summary>
    /// <param name="x">Inputs, a row each; dense, at least one.</param>
    /// <param name="y">Targets, a row each; dense, with as many rows as <paramref name="x"/>.</param>
    /// <param name="batchSize">Samples in a batch, at least 1. One above the number of samples makes one batch of all.</param>
    /// <param name="shuffle">Draws a new order for each epoch; null keeps the order of the rows.</param>
    /// <param name="dropLast">Whether a last batch with fewer samples is left out.</param>
    /// <exception cref="ArgumentNullException">A matrix is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, their rows differ, or no batch would be left.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batchSize"/> is below 1.</exception>
    public Batches(Matrix<T> x, Matrix<T> y, int batchSize, Generator? shuffle = null, bool dropLast = false)
        : this(new Samples<T>(x, y), batchSize, shuffle, dropLast) { }

    /// <summary>The whole set.</summary>
    public Samples<T> Samples { get; }

    /// <summary>Samples in a batch, except perhaps the last.</summary>
    public int BatchSize { get; }

    /// <summary>Whether a last batch with fewer samples is left out.</summary>
    public bool DropLast { get; }

    /// <summary>What draws the order; null where there is none.</summary>
    public Generator? Generator { get; }

    /// <summary>Samples in the last batch of an epoch, the smallest one.</summary>
    internal int LastBatchSize => DropLast ? BatchSize : Samples.Count - (Count - 1) * BatchSize;

    /// <summary>Batches in an epoch.</summary>
    public int Count => DropLast ? Samples.Count / BatchSize : (Samples.Count - 1) / BatchSize + 1;

    /// <summary>The rows in the order of this epoch.</summary>
    public ReadOnlySpan<int> Order => _order;

    /// <summary>Copies a batch of this epoch into two matrices, the same ones for every batch.</summary>
    /// <param name="index">Its number, from 0.</param>
    /// <returns>Inputs and targets; the next call overwrites them.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such batch.</exception>
    public (Matrix<T> X, Matrix<T> Y) Gather(int index)
    {
        if (index < 0 || index >= Count) throw new ArgumentOutOfRangeException(nameof(index), Invariant($"{index}"), $"Batches expects an index from 0 to {Count - 1}.");
        var rows = _order.AsSpan(index * BatchSize, Math.Min(BatchSize, Samples.Count - index * BatchSize));
        return (Gather(Samples.X, rows, ref _xs), Gather(Samples.Y, rows, ref _ys));
    }

    /// <summary>Draws the order of the next epoch; without a generator, the rows stay as they are.</summary>
    public void Shuffle() => Generator?.Permutation(_order);

    /// <summary>Goes on in an order that was kept, as part of a checkpoint.</summary>
    internal void SetOrder(ReadOnlySpan<int> order) => order.CopyTo(_order);

    private static Matrix<T> Gather(Matrix<T> from, ReadOnlySpan<int> rows, ref ReusedMatrix<T> buffer) =>
        Samples<T>.Gather(from, rows, buffer.Get(rows.Length, from.ColumnCount));
}

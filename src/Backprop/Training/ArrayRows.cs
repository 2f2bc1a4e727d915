using System.Numerics;
using static System.FormattableString;

namespace Backprop;

/// <summary>Reads samples from arrays that come one after the other, at once or in time.</summary>
internal abstract class ArrayRows<T>(StreamedBatches<T> batches) : IRowReader<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private long _row;

    /// <summary>Opens arrays that are there at once.</summary>
    internal static Func<StreamedBatches<T>, IRowReader<T>> Of(Func<IEnumerable<(T[] X, T[] Y)>> open)
    {
        ArgumentNullException.ThrowIfNull(open);
        return batches => new Now(batches, (open() ?? throw Nothing()).GetEnumerator());
    }

    /// <summary>Opens arrays that come in time.</summary>
    internal static Func<StreamedBatches<T>, IRowReader<T>> Of(Func<IAsyncEnumerable<(T[] X, T[] Y)>> open)
    {
        ArgumentNullException.ThrowIfNull(open);
        return batches => new InTime(batches, open() ?? throw Nothing());
    }

    /// <inheritdoc/>
    public bool Read(Span<T> x, Span<T> y, CancellationToken cancellation)
    {
        if (!Next(cancellation, out var row)) return false;
        if (batches.HasLengths)
        {
            var length = LengthOf(row.X);
            var targets = batches.TargetRowsOf(length) * batches.Targets + (batches.Weighted ? 1 : 0);
            Copy(row.X, x[..(length * batches.Inputs)], "x");
            Copy(row.Y, y[..targets], "y");
            x[^1] = T.CreateChecked(length);
            if (batches.Weighted) y[^1] = y[targets - 1];       // it follows the targets, whole as they will be
        }
        else
        {
            Copy(row.X, x, "x");
            Copy(row.Y, y, "y");
        }

        _row++;
        return true;
    }

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>The next row, if there is one.</summary>
    protected abstract bool Next(CancellationToken cancellation, out (T[]? X, T[]? Y) row);

    private void Copy(T[]? from, Span<T> to, string name)
    {
        if (from?.Length != to.Length)
            throw new RowRefusedException(Invariant($"{to.Length} values of {name}, but row {_row}, counted from 0, has {(from is null ? "none" : $"{from.Length}")}."));
        from.CopyTo(to);
    }

    private int LengthOf(T[]? x)
    {
        var (length, rest) = int.DivRem(x?.Length ?? 0, batches.Inputs);
        return length >= 1 && length <= batches.InputRows && rest == 0
            ? length
            : throw new RowRefusedException(Invariant($"from 1 to {batches.InputRows} rows of {batches.Inputs} values of x, but row {_row}, counted from 0, has {(x is null ? "none" : $"{x.Length} values")}."));
    }

    private static InvalidOperationException Nothing() => new("it was opened as null.");

    private sealed class Now(StreamedBatches<T> batches, IEnumerator<(T[] X, T[] Y)> rows) : ArrayRows<T>(batches)
    {
        protected override bool Next(CancellationToken cancellation, out (T[]? X, T[]? Y) row)
        {
            cancellation.ThrowIfCancellationRequested();
            var isThere = rows.MoveNext();
            row = isThere ? rows.Current : default;
            return isThere;
        }

        public override void Dispose() => rows.Dispose();
    }

    // It has a thread of its own, which may wait.
    private sealed class InTime(StreamedBatches<T> batches, IAsyncEnumerable<(T[] X, T[] Y)> stream) : ArrayRows<T>(batches)
    {
        private IAsyncEnumerator<(T[] X, T[] Y)>? _rows;

        protected override bool Next(CancellationToken cancellation, out (T[]? X, T[]? Y) row)
        {
            cancellation.ThrowIfCancellationRequested();
            _rows ??= stream.GetAsyncEnumerator(cancellation);
            var next = _rows.MoveNextAsync();
            var isThere = next.IsCompletedSuccessfully ? next.Result : next.AsTask().GetAwaiter().GetResult();
            row = isThere ? _rows.Current : default;
            return isThere;
        }

        public override void Dispose()
        {
            if (_rows is not null) _rows.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }
}

using System.Numerics;
using System.Numerics.Tensors;
using Backprop.Kernels;
using static System.FormattableString;

namespace Backprop;

/// <summary>What reads a stream ahead of its training, on a thread of its own: rows into a shuffle buffer, and from there into batches.</summary>
/// <remarks>
/// A batch is made of what was drawn from the buffer, which is filled up before each draw: so an epoch is a function of its seed and of the rows. Whoever goes on in
/// its middle lets it run from the start, and leaves out the batches that were there before.
/// </remarks>
internal sealed class RowStream<T>(Func<StreamedBatches<T>, IRowReader<T>> open, StreamedBatches<T> batches) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly int _inputs = batches.Inputs * batches.InputRows, _targets = batches.Targets * batches.TargetRows, _weights = batches.Weighted ? 1 : 0, _lengths = batches.HasLengths ? 1 : 0;
    private T[] _xs = [], _ys = [], _ws = [];               // a batch, row after row
    private int[] _ls = [];                                 // and its lengths
    private T[] _xBuffer = [], _yBuffer = [];               // the rows to draw from, each at a place; its length follows its inputs, its weight its targets
    private int[] _places = [];                             // those that are taken, then those that are free
    private Slot[] _slots = [];
    private SemaphoreSlim _free = null!, _ready = null!;    // slots to fill, slots to give
    private CancellationTokenSource? _stop;
    private Thread? _thread;
    private int _next;                                      // the slot that is given next
    private bool _isGiven;                                  // whether one is in use by whom it was given

    /// <summary>Whether there is a thread, or what it has made.</summary>
    internal bool IsOpen => _thread is not null;

    /// <summary>A batch, or why there is none: the end of the epoch, or an exception.</summary>
    internal sealed class Slot
    {
        internal ReusedMatrix<T> Xs, Ys, Ws;
        internal int[] Lengths = [];

        internal Batch<T>? Batch { get; set; }

        internal RowMark Mark { get; set; }

        internal Exception? Exception { get; set; }
    }

    /// <summary>Begins to read an epoch.</summary>
    /// <param name="seed">What the order is drawn from.</param>
    /// <param name="skip">Batches that are left out.</param>
    /// <param name="mark">How far the stream was read for these.</param>
    /// <param name="rows">Rows of the epoch that do not come again.</param>
    internal void Start(long seed, int skip, RowMark mark, long rows)
    {
        var buffered = batches.Generator is null ? 1 : batches.ShuffleBuffer;
        if (_places.Length != buffered)
        {
            (_xs, _ys, _ws) = (new T[batches.BatchSize * _inputs], new T[batches.BatchSize * _targets], new T[batches.BatchSize * _weights]);
            _ls = new int[batches.BatchSize * _lengths];
            (_xBuffer, _yBuffer) = (new T[buffered * (_inputs + _lengths)], new T[buffered * (_targets + _weights)]);
            _places = [.. Enumerable.Range(0, buffered)];
            _slots = [.. Enumerable.Range(0, batches.ReadAhead + 1).Select(_ => new Slot { Lengths = new int[_ls.Length] })];
        }

        for (var i = 0; i < buffered; i++) _places[i] = i;
        (_free, _ready, _stop, _next, _isGiven) = (new(_slots.Length), new(0), new(), 0, false);
        var cancellation = _stop.Token;
        _thread = new Thread(() => Run(new(seed), skip, mark, rows, cancellation)) { IsBackground = true, Name = "Backprop: reads rows ahead" };
        _thread.UnsafeStart();
    }

    /// <summary>The next batch, when it is ready; what was given before may be overwritten.</summary>
    internal Slot Next(CancellationToken cancellation)
    {
        if (_isGiven) _free.Release();
        _isGiven = false;
        _ready.Wait(cancellation);
        _isGiven = true;
        var slot = _slots[_next];
        _next = (_next + 1) % _slots.Length;
        return slot;
    }

    /// <summary>Ends the thread, which closes the stream.</summary>
    internal void Stop()
    {
        if (_thread is null) return;
        _stop!.Cancel();
        _thread.Join();
        _stop.Dispose();
        _free.Dispose();
        _ready.Dispose();
        _thread = null;
    }

    private void Run(Generator order, int skip, RowMark mark, long rows, CancellationToken cancellation)
    {
        var at = 0;
        try
        {
            using (var reader = open(batches) ?? throw new RowRefusedException("a stream, but it was opened as null."))
                ReadEpoch(reader, order, skip, mark, rows, ref at, cancellation);
            Give(at, null, default, null, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Nobody waits any more.
        }
        catch (Exception exception)     // whoever asks for the batch is told
        {
            try
            {
                Give(at, null, default, exception, cancellation);
            }
            catch (OperationCanceledException)
            {
                // Nobody waits any more.
            }
        }
    }

    private void ReadEpoch(IRowReader<T> reader, Generator order, int skip, RowMark mark, long rows, ref int at, CancellationToken cancellation)
    {
        var (hash, taken, isOver, row) = (default(RowHash), 0, false, 0L);
        for (var batch = 0; ; batch++)
        {
            if (batch == skip && skip > 0 && new RowMark(row, hash.Value) != mark) throw Others();
            var count = 0;
            for (; count < batches.BatchSize; count++)
            {
                for (; !isOver && taken < _places.Length; taken++)
                    if (isOver = !TryRead(reader, _places[taken], rows, ref row, ref hash, cancellation)) break;
                if (taken == 0) break;
                var drawn = taken == 1 ? 0 : Draw(order, taken);
                var place = _places[drawn];
                var x = _xBuffer.AsSpan(place * (_inputs + _lengths), _inputs + _lengths);
                x[.._inputs].CopyTo(_xs.AsSpan(count * _inputs));
                if (batches.HasLengths) _ls[count] = int.CreateChecked(x[^1]);
                var y = _yBuffer.AsSpan(place * (_targets + _weights), _targets + _weights);
                y[.._targets].CopyTo(_ys.AsSpan(count * _targets));
                y[_targets..].CopyTo(_ws.AsSpan(count * _weights));
                taken--;
                (_places[drawn], _places[taken]) = (_places[taken], place);
            }

            if (count == 0 || (count < batches.BatchSize && batches.DropLast))
            {
                if (batch < skip) throw Others();
                if (batch > 0 || rows > 0) return;
                throw new RowRefusedException(count == 0 ? "at least one row, but the stream has none." : Invariant($"at least {batches.BatchSize} rows where a smaller last batch is dropped, but the stream has {count}."));
            }

            if (batch >= skip) Give(at++, count, new(row, hash.Value), null, cancellation);
            at %= _slots.Length;
        }

        RowRefusedException Others() => new(Invariant($"the same {mark.Rows} rows that this epoch began with before, but those that come now are others."));
    }

    /// <summary>Reads a row to its place; false where the epoch is over.</summary>
    private bool TryRead(IRowReader<T> reader, int place, long before, ref long row, ref RowHash hash, CancellationToken cancellation)
    {
        if (before + row == batches.SampleCount) return false;
        cancellation.ThrowIfCancellationRequested();
        Span<T> x = _xBuffer.AsSpan(place * (_inputs + _lengths), _inputs + _lengths), y = _yBuffer.AsSpan(place * (_targets + _weights), _targets + _weights);
        x.Fill(T.NaN);      // what is left unwritten is found
        y.Fill(T.NaN);
        bool isThere;
        try
        {
            isThere = reader.Read(x, y, cancellation);
        }
        catch (Exception exception) when (exception is not (RowRefusedException or OperationCanceledException) || (exception is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw new RowUnreadableException(Invariant($"row {row}, counted from 0, could not be read: {exception.Message}"), exception);
        }

        if (!isThere)
        {
            if (batches.SampleCount is long count) throw new RowRefusedException(Invariant($"{count} rows, but the stream ended after {before + row}."));
            return false;
        }

        if (batches.HasLengths) ClearBeyond(x, y, row);
        if (!TensorPrimitives.IsFiniteAll<T>(x)) throw NotFinite(x, "x", row);
        if (TensorPrimitives.IsNaNAny<T>(y)) throw NotFinite(y, "y", row);
        if (batches.Weighted && !(y[^1] >= T.Zero && T.IsFinite(y[^1]))) throw new RowRefusedException(Invariant($"weights that are finite and at least 0, but that of row {row}, counted from 0, is {y[^1]}."));
        hash.Add<T>(x);
        hash.Add<T>(y);
        row++;
        return true;
    }

    /// <summary>Looks at the length of a row, and lets what is beyond be 0, whatever a reader has left there.</summary>
    private void ClearBeyond(Span<T> x, Span<T> y, long row)
    {
        var length = x[^1];
        if (!(T.IsInteger(length) && length >= T.One && length <= T.CreateChecked(batches.InputRows)))
            throw new RowRefusedException(Invariant($"lengths from 1 to {batches.InputRows}, but that of row {row}, counted from 0, is {length}."));
        var rows = int.CreateChecked(length);
        x[(rows * batches.Inputs)..^1].Clear();
        y[(batches.TargetRowsOf(rows) * batches.Targets).._targets].Clear();
    }

    private void Give(int at, int? samples, RowMark mark, Exception? exception, CancellationToken cancellation)
    {
        _free.Wait(cancellation);
        var slot = _slots[at % _slots.Length];
        (slot.Mark, slot.Exception, slot.Batch) = (mark, exception, null);
        if (samples is int count)
        {
            _ls.CopyTo(slot.Lengths, 0);
            slot.Batch = new(ToMatrix(_xs, count * batches.InputRows, batches.Inputs, ref slot.Xs), ToMatrix(_ys, count * batches.TargetRows, batches.Targets, ref slot.Ys),
                batches.Weighted ? ToMatrix(_ws, count, 1, ref slot.Ws) : null, batches.HasLengths ? slot.Lengths.AsMemory(0, count) : default);
        }

        _ready.Release();
    }

    private static MathNet.Numerics.LinearAlgebra.Matrix<T> ToMatrix(T[] values, int rows, int columns, ref ReusedMatrix<T> buffer)
    {
        var matrix = buffer.Get(rows, columns);
        RowMajor.ToMatrix<T>(values, rows, columns, matrix.Span(), rows);
        return matrix;
    }

    private static int Draw(Generator order, int count)
    {
        Span<double> drawn = stackalloc double[1];
        order.Uniform(drawn, 0, count);
        return (int)drawn[0];
    }

    private static RowRefusedException NotFinite(ReadOnlySpan<T> values, string name, long row)
    {
        var at = 0;
        while (name == "x" ? T.IsFinite(values[at]) : !T.IsNaN(values[at])) at++;
        return new(Invariant($"numbers, but row {row}, counted from 0, has {values[at]} as value {at} of {name}."));
    }
}

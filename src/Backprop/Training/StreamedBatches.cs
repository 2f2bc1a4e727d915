using System.Numerics;
using static System.FormattableString;

namespace Backprop;

/// <summary>Batches of rows that come one after the other, such as from a file that is larger than memory: read ahead on another thread, shuffled in a buffer.</summary>
/// <remarks>
/// <para>A stream is told by how it is opened, once for each epoch. With a generator, <see cref="ShuffleBuffer"/> rows are held in memory, of which each next one is drawn: so a row
/// may come much later than it was read, but earlier by no more than the buffer. Each epoch draws one seed from the generator, and its order from that; so what is read
/// ahead disturbs nobody who shares the generator.</para>
/// <para>In the middle of an epoch, a stream is opened again, by <see cref="Trainer{T}.Fit"/> as from a checkpoint: its rows are read again up to where the training was, and must be those that they
/// were, by a hash of all of them. Rows that come only once (<see cref="Reopens"/>) cannot be: a training of those goes on with the rows that come next, and its checkpoints are
/// saved between epochs.</para>
/// <para>No thread and no file stays open when <see cref="Trainer{T}.Fit"/> ends, however it ends; a row that is just being read is waited for, unless its reader heeds its token. Who takes batches without a trainer calls <see cref="Release"/>.</para>
/// </remarks>
/// <example>
/// <code>
/// var source = new StreamedBatches&lt;double&gt;(Rows, inputs: 3, targets: 1, batchSize: 64, shuffle: generator) { ShuffleBuffer = 10_000 };
/// var trainer = new Trainer&lt;double&gt;(model, loss, optimizer, source);
///
/// static IEnumerable&lt;(double[] X, double[] Y)&gt; Rows()
/// {
///     foreach (var line in File.ReadLines("measurements.csv"))
///     {
///         var values = line.Split(',').Select(text => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
///         yield return (values[..3], values[3..]);
///     }
/// }
/// </code>
/// </example>
/// <threadsafety>One thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class StreamedBatches<T> : BatchSource<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const string StateKey = "stream";

    private readonly Func<StreamedBatches<T>, IRowReader<T>> _open;
    private readonly long? _sampleCount;
    private readonly int _inputRows;
    private RowStream<T>? _stream;
    private long _seed;
    private int _given = -1;            // the batch that was given last
    private int? _end;                  // the number of batches, once the epoch has ended
    private Batch<T>? _current;         // what was given; null where it was not given here
    private RowMark _before, _after;    // how far the stream was read before that batch, and with it

    /// <summary>Takes a stream that is read row by row, into memory that is there: nothing is allocated for a row.</summary>
    /// <param name="open">Opens the stream at its beginning; called once for each epoch, and where one goes on in its middle. On another thread.</param>
    /// <param name="inputs">Columns of the inputs.</param>
    /// <param name="targets">Columns of the targets.</param>
    /// <param name="batchSize">Samples in a batch, at least 1.</param>
    /// <param name="shuffle">Draws a seed for the order of each epoch; null takes the rows as they come.</param>
    /// <param name="dropLast">Whether a last batch with fewer samples is left out.</param>
    /// <param name="sampleCount">Samples in an epoch, where that is known: a stream that ends before is an error, and of one that goes on no more are read. Null reads to the end.</param>
    /// <param name="inputRows">Rows of inputs that a sample has; its values come row after row.</param>
    /// <param name="targetRows">Rows of targets that a sample has.</param>
    /// <exception cref="ArgumentNullException"><paramref name="open"/> is null.</exception>
    /// <exception cref="ArgumentException">No batch would be left.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is below 1.</exception>
    public StreamedBatches(Func<IRowReader<T>> open, int inputs, int targets, int batchSize, Generator? shuffle = null, bool dropLast = false, long? sampleCount = null, int inputRows = 1, int targetRows = 1)
        : this(Opening(open), inputs, targets, batchSize, shuffle, dropLast, sampleCount, inputRows, targetRows) { }

    /// <summary>Takes a stream of arrays.</summary>
    /// <inheritdoc cref="StreamedBatches{T}(Func{IRowReader{T}}, int, int, int, Generator?, bool, long?, int, int)"/>
    public StreamedBatches(Func<IEnumerable<(T[] X, T[] Y)>> open, int inputs, int targets, int batchSize, Generator? shuffle = null, bool dropLast = false, long? sampleCount = null, int inputRows = 1, int targetRows = 1)
        : this(ArrayRows<T>.Of(open), inputs, targets, batchSize, shuffle, dropLast, sampleCount, inputRows, targetRows) { }

    /// <summary>Takes a stream of arrays that come in time. Its token is cancelled where nobody waits for more.</summary>
    /// <inheritdoc cref="StreamedBatches{T}(Func{IRowReader{T}}, int, int, int, Generator?, bool, long?, int, int)"/>
    public StreamedBatches(Func<IAsyncEnumerable<(T[] X, T[] Y)>> open, int inputs, int targets, int batchSize, Generator? shuffle = null, bool dropLast = false, long? sampleCount = null, int inputRows = 1, int targetRows = 1)
        : this(ArrayRows<T>.Of(open), inputs, targets, batchSize, shuffle, dropLast, sampleCount, inputRows, targetRows) { }

    private StreamedBatches(Func<StreamedBatches<T>, IRowReader<T>> open, int inputs, int targets, int batchSize, Generator? shuffle, bool dropLast, long? sampleCount, int inputRows, int targetRows)
        : base(batchSize, shuffle, dropLast)
    {
        _open = open;
        (Inputs, Targets) = (Expect.Positive("StreamedBatches", inputs, nameof(inputs)), Expect.Positive("StreamedBatches", targets, nameof(targets)));
        (_inputRows, TargetRows) = (Expect.Positive("StreamedBatches", inputRows, nameof(inputRows)), Expect.Positive("StreamedBatches", targetRows, nameof(targetRows)));
        if (sampleCount is long count) Expect.That(count >= 1, "StreamedBatches", count, "at least 1", nameof(sampleCount));
        if (dropLast && sampleCount < batchSize)
            throw new ArgumentException(Invariant($"StreamedBatches expects at least {batchSize} samples where a smaller last batch is dropped, but there are {sampleCount}."), nameof(batchSize));
        _sampleCount = sampleCount;
    }

    /// <summary>Columns of the inputs.</summary>
    public int Inputs { get; }

    /// <summary>Columns of the targets.</summary>
    public int Targets { get; }

    /// <inheritdoc/>
    public override long? SampleCount => _sampleCount;

    /// <inheritdoc/>
    public override int InputRows => _inputRows;

    /// <summary>Rows of the targets that a sample has.</summary>
    public int TargetRows { get; }

    /// <summary>Samples in memory of which the next one is drawn, at least 1. As many as there are is a shuffle of all.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public int ShuffleBuffer
    {
        get;
        init => field = (int)Expect.That((long)Expect.Positive("StreamedBatches", value, nameof(ShuffleBuffer)) * (Math.Max(Inputs * (long)InputRows, Targets * (long)TargetRows) + 1) <= Array.MaxLength, "StreamedBatches", value, "of fewer values than an array has room for", nameof(ShuffleBuffer));
    } = 1024;

    /// <summary>Batches that are made while another is learned from, at least 1. It changes no number.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public int ReadAhead { get; init => field = Expect.Positive("StreamedBatches", value, nameof(ReadAhead)); } = 2;

    /// <summary>Whether a weight follows each sample's targets, as one value more: what it weighs in the loss, see <see cref="Samples{T}.Weights"/>.</summary>
    public bool Weighted { get; init; }

    /// <summary>Whether sequences may be shorter than <see cref="BatchSource{T}.InputRows"/>, see <see cref="Samples{T}.Lengths"/>. A shorter one comes as shorter arrays: of those of its rows that are there, and
    /// of their targets, where there is a target for each. To a reader, the length is one value more, after all inputs. What is beyond is not looked at, and comes as 0.</summary>
    public bool HasLengths { get; init; }

    /// <summary>Rows of targets of a sample that has so many rows of inputs.</summary>
    internal int TargetRowsOf(int length) => TargetRows == InputRows ? length : TargetRows;

    /// <summary>Whether the stream, opened again, has the same rows. If not, an epoch that is interrupted goes on with those that come next, without those that were read ahead.</summary>
    public bool Reopens { get; init; } = true;

    /// <summary>Begins the next epoch; with a generator, draws its seed.</summary>
    public override void Shuffle()
    {
        Release();
        if (Generator is not null)
        {
            Span<double> seed = stackalloc double[1];
            Generator.Uniform(seed, 0, 1L << 32);       // as many bits as a generator starts from
            _seed = (long)seed[0];
        }

        (_given, _end, _current, _before, _after) = (-1, null, null, default, default);
    }

    /// <inheritdoc/>
    public override bool TryGather(int index, out Batch<T> batch, CancellationToken cancellation = default)
    {
        batch = default;
        if (index == _given && _current is { } current)
        {
            batch = current;
            return true;
        }

        if (index != _given + 1) throw new ArgumentOutOfRangeException(nameof(index), Invariant($"{index}"), Invariant($"StreamedBatches expects the index {_given + 1}, since batches come one after the other."));
        if (index == _end) return false;
        _current = null;        // from here on it may be overwritten
        _stream ??= new(_open, this);
        if (!_stream.IsOpen)
        {
            if (Reopens) _stream.Start(_seed, index, _after, 0);
            else _stream.Start(unchecked(_seed + index), 0, default, (long)index * BatchSize);
        }

        var slot = _stream.Next(cancellation);
        if (slot.Exception is { } exception)
        {
            Release();
            throw exception switch
            {
                RowRefusedException => new InvalidDataException($"StreamedBatches expects {exception.Message}"),
                RowUnreadableException => new InvalidDataException($"StreamedBatches expects another row, but {exception.Message}", exception.InnerException),
                _ => new InvalidDataException($"StreamedBatches expects a stream that can be opened and closed, but it could not: {exception.Message}", exception),
            };
        }

        if (slot.Batch is not { } next)
        {
            _end = index;
            Release();
            return false;
        }

        (_given, _current, _before, _after) = (index, next, _after, slot.Mark);
        batch = next;
        return true;
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, long[]> GetState(int batch)
    {
        if (batch == 0) return State(default);
        if (!Reopens)
            throw new InvalidOperationException("StreamedBatches cannot be kept in the middle of an epoch, since its rows do not come again: save between two epochs, or set Reopens where they do.");
        return batch == _given + 1 ? State(_after)
            : batch == _given && _current is not null ? State(_before)
            : throw new InvalidOperationException(Invariant($"StreamedBatches expects to be kept before batch {_given + 1}, which comes next, but it is asked for batch {batch}."));

        IReadOnlyDictionary<string, long[]> State(RowMark mark) => new Dictionary<string, long[]> { [StateKey] = [_seed, mark.Rows, unchecked((long)mark.Hash)] };
    }

    /// <inheritdoc/>
    public override void SetState(int batch, IReadOnlyDictionary<string, long[]> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (batch < 0 || (batch > 0 && !Reopens) || !state.TryGetValue(StateKey, out var values) || values is not [var seed and >= 0 and <= uint.MaxValue, var rows and >= 0, var hash])
            throw new ArgumentException("StreamedBatches expects a seed, a number of rows and their hash, but this is none.", nameof(state));
        Release();
        (_seed, _given, _end, _current, _before) = (seed, batch - 1, null, null, default);
        _after = batch == 0 ? default : new(rows, unchecked((ulong)hash));
    }

    /// <inheritdoc/>
    public override void Release() => _stream?.Stop();

    /// <inheritdoc/>
    protected override void Describe(Settings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var rows = InputRows == 1 && TargetRows == 1 ? "" : $", {InputRows} -> {TargetRows} rows a sample";
        settings.Add("samples", Invariant($"streamed, {(_sampleCount is long count ? $"{count}x" : "")}{Inputs} -> {Targets}{rows}{(Weighted ? ", weighted" : "")}{(HasLengths ? ", of different lengths" : "")}"));
        if (Generator is not null) settings.Add("shuffle buffer", ShuffleBuffer);
    }

    private static Func<StreamedBatches<T>, IRowReader<T>> Opening(Func<IRowReader<T>> open)
    {
        ArgumentNullException.ThrowIfNull(open);
        return _ => open();
    }
}

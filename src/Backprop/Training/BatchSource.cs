using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using Backprop.Checks;

namespace Backprop;

/// <summary>Where a <see cref="Trainer{T}"/> gets its batches: epochs of them, the same ones from the same seed.</summary>
/// <remarks>
/// <para><see cref="Batches{T}"/> are those of samples in memory, <see cref="StreamedBatches{T}"/> those of rows that come one after the other. To write another,
/// subclass this: an epoch begins with <see cref="Shuffle"/>, its batches are asked for by number, in order, and the one that was given last may be asked for again.</para>
/// <para>All that is random is drawn in <see cref="Shuffle"/>, from <see cref="Generator"/>: others may share it. So an epoch can be told by what was drawn, which is
/// what <see cref="GetState"/> gives to a checkpoint.</para>
/// </remarks>
/// <threadsafety>One thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
[DynamicallyAccessedMembers(Settings.Fields)]
public abstract class BatchSource<T> : IDescribed where T : unmanaged, IFloatingPointIeee754<T>
{
    private bool _isInUse;

    /// <summary>Sets what all sources have.</summary>
    /// <param name="batchSize">Samples in a batch, at least 1.</param>
    /// <param name="shuffle">Draws a new order for each epoch; null keeps the order in which samples come.</param>
    /// <param name="dropLast">Whether a last batch with fewer samples is left out.</param>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is neither float nor double.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batchSize"/> is below 1.</exception>
    protected BatchSource(int batchSize, Generator? shuffle = null, bool dropLast = false)
    {
        Element.Require<T>();
        (BatchSize, Generator, DropLast) = (Expect.Positive(GetType().Name.Split('`')[0], batchSize, nameof(batchSize)), shuffle, dropLast);
    }

    /// <summary>Samples in a batch, except perhaps the last.</summary>
    public int BatchSize { get; }

    /// <summary>What draws the order; null where there is none.</summary>
    public Generator? Generator { get; }

    /// <summary>Whether a last batch with fewer samples is left out.</summary>
    public bool DropLast { get; }

    /// <summary>Samples in an epoch; null where that is not known before it is over.</summary>
    public abstract long? SampleCount { get; }

    /// <summary>Rows of the inputs that a sample has.</summary>
    public virtual int InputRows => 1;

    /// <summary>Batches in an epoch; null where that is not known before it is over.</summary>
    public int? Count => SampleCount is long samples ? checked((int)(DropLast ? samples / BatchSize : (samples - 1) / BatchSize + 1)) : null;

    /// <summary>Samples in the smallest batch that may come, the last of an epoch.</summary>
    internal int LastBatchSize => DropLast ? BatchSize : SampleCount is long samples ? (int)(samples - (long)(Count!.Value - 1) * BatchSize) : 1;

    /// <summary>Begins the next epoch, in a new order where there is a generator.</summary>
    public abstract void Shuffle();

    /// <summary>Gives a batch of this epoch.</summary>
    /// <param name="index">Its number, from 0: the one after the last that was given, or that one once more.</param>
    /// <param name="batch">The batch; the next call may overwrite it.</param>
    /// <param name="cancellation">Ends the waiting, where there is any.</param>
    /// <returns>Whether there is one; if not, the epoch is over.</returns>
    /// <exception cref="InvalidDataException">The samples cannot be had; the message says which.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public abstract bool TryGather(int index, out Batch<T> batch, CancellationToken cancellation = default);

    /// <summary>What a checkpoint must keep so that this epoch goes on with a batch; generators are looked after elsewhere.</summary>
    /// <param name="batch">The number of the batch: one after that which was given last, or that one, or 0.</param>
    /// <returns>Numbers by their names.</returns>
    /// <exception cref="InvalidOperationException">The epoch cannot go on from there in another process.</exception>
    public abstract IReadOnlyDictionary<string, long[]> GetState(int batch);

    /// <summary>Goes on in an epoch that was kept. Changes nothing where it throws.</summary>
    /// <param name="batch">The number of the batch that comes next.</param>
    /// <param name="state">What <see cref="GetState"/> gave.</param>
    /// <exception cref="ArgumentException">It is no such state.</exception>
    public abstract void SetState(int batch, IReadOnlyDictionary<string, long[]> state);

    /// <summary>Ends threads and closes files, until the next batch is asked for. <see cref="Trainer{T}.Fit"/> calls it however it ends.</summary>
    public virtual void Release() { }

    /// <summary>Takes the source for a training.</summary>
    /// <returns>Gives it back.</returns>
    /// <exception cref="InvalidOperationException">Another training has it.</exception>
    internal InUse Use() => Interlocked.Exchange(ref _isInUse, true)
        ? throw new InvalidOperationException($"{GetType().Name.Split('`')[0]} is in use by another training: a source of batches knows but one epoch at a time. Make one for each trainer; samples may be shared.")
        : new(this);

    /// <summary>A training that has the source.</summary>
    internal readonly ref struct InUse(BatchSource<T> source)
    {
        internal void Dispose() => source._isInUse = false;
    }

    /// <summary>Says what the source was made with, and which samples it has: what must be the same to go on from a checkpoint. By default, all fields that never
    /// change; see <see cref="Settings"/>. Batch size, generator and <see cref="DropLast"/> are looked after elsewhere.</summary>
    /// <param name="settings">Takes names and values.</param>
    protected virtual void Describe(Settings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.AddFields(this, typeof(BatchSource<T>));
    }

    void IDescribed.Describe(Settings settings) => Describe(settings);
}

namespace Backprop;

/// <summary>Things that one caller at a time may have, kept for the next: at most as many as there are processors, and one. Thread-safe.</summary>
internal sealed class Pool<T> where T : class
{
    private T?[]? _free;

    /// <summary>One that nobody else has; null where none is free.</summary>
    internal T? Take()
    {
        if (_free is not { } free) return null;
        for (var i = 0; i < free.Length; i++)
            if (Volatile.Read(ref free[i]) is not null && Interlocked.Exchange(ref free[i], null) is { } item) return item;
        return null;
    }

    /// <summary>Gives it back; where there is no room, it is not kept.</summary>
    internal void Give(T item)
    {
        var free = _free ?? Interlocked.CompareExchange(ref _free, new T?[Environment.ProcessorCount + 1], null) ?? _free;
        for (var i = 0; i < free.Length; i++)
            if (Volatile.Read(ref free[i]) is null && Interlocked.CompareExchange(ref free[i], item, null) is null) return;
    }
}

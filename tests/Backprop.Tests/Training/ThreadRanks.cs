namespace Backprop.Tests;

/// <summary>Ranks that are threads of one process: an exchange as anybody would write one, on what is public.</summary>
public sealed class ThreadRanks : ShardExchange
{
    private readonly Shared _shared;

    private ThreadRanks(int rank, Shared shared) => (Rank, _shared) = (rank, shared);

    private sealed class Shared(int ranks, Barrier barrier)
    {
        public readonly Barrier Barrier = barrier;
        public readonly byte[][] Bytes = new byte[ranks][];
        public Exception? Failure;
        public readonly IReadOnlyDictionary<string, string>[] Facts = new IReadOnlyDictionary<string, string>[ranks];
    }

    public override int Rank { get; }

    public override int Ranks => _shared.Bytes.Length;

    public int Sums { get; private set; }

    /// <summary>Runs a program on each of so many threads.</summary>
    /// <returns>What each came to; an exception is one, too.</returns>
    public static object[] Run(int ranks, Func<ThreadRanks, object> program)
    {
        using var barrier = new Barrier(ranks);
        var (shared, results) = (new Shared(ranks, barrier), new object[ranks]);
        var threads = Enumerable.Range(0, ranks).Select(rank => new Thread(() =>
        {
            try
            {
                results[rank] = program(new(rank, shared));
            }
            catch (Exception exception)
            {
                results[rank] = exception;
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join(TimeSpan.FromMinutes(2)));
        return results;
    }

    public override void Sum<T>(ShardSums<T> sums)
    {
        Sums++;
        _shared.Bytes[Rank] = sums.Bytes.ToArray();
        Meet();
        if (Sums % 2 == 0)      // in both ways that there are, which must not be seen
        {
            sums.AddWholes([.. _shared.Bytes.SelectMany(bytes => bytes)]);
            Meet();
            return;
        }

        var versions = new byte[sums.SliceLength * Ranks];
        for (var rank = 0; rank < Ranks; rank++) _shared.Bytes[rank].AsSpan(Rank * sums.SliceLength, sums.SliceLength).CopyTo(versions.AsSpan(rank * sums.SliceLength));
        sums.AddSlices(Rank, versions);
        Meet();
        _shared.Bytes[Rank] = sums.Bytes.Slice(Rank * sums.SliceLength, sums.SliceLength).ToArray();
        Meet();
        for (var rank = 0; rank < Ranks; rank++) _shared.Bytes[rank].CopyTo(sums.Bytes[(rank * sums.SliceLength)..]);
        Meet();
    }

    public override void RequireSame(IReadOnlyDictionary<string, string> facts)
    {
        _shared.Facts[Rank] = facts;
        Meet();
        var all = _shared.Facts.ToArray();
        Meet();     // all have read what the next comparison overwrites
        var different = Array.FindIndex(all, other => all[0].Keys.Union(other.Keys).Any(name => Differs(other, name)));
        if (different > 0) throw new InvalidOperationException($"rank {different} differs: {string.Join(", ", all[0].Keys.Union(all[different].Keys).Where(name => Differs(all[different], name)))}");

        bool Differs(IReadOnlyDictionary<string, string> other, string name) => all[0].GetValueOrDefault(name) != other.GetValueOrDefault(name);
    }

    public override void OnFirst(string what, Action action)
    {
        _shared.Failure = null;
        Meet();
        try
        {
            if (IsFirst) action();
        }
        catch (Exception exception)
        {
            _shared.Failure = exception;
        }

        Meet();
        var told = _shared.Failure;
        Meet();     // all have read it
        if (told is { } failure) throw IsFirst ? failure : Echo(new IOException(failure.Message));
    }

    private void Meet()
    {
        if (!_shared.Barrier.SignalAndWait(TimeSpan.FromSeconds(30))) throw new TimeoutException($"rank {Rank} waited in vain");
    }
}

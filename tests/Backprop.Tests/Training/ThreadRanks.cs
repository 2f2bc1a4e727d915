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
        var (first, different) = (_shared.Facts[0], Array.FindIndex(_shared.Facts, other => _shared.Facts[0].Any(fact => other.GetValueOrDefault(fact.Key) != fact.Value)));
        if (different > 0) throw new InvalidOperationException($"rank {different} differs: {string.Join(", ", first.Where(fact => _shared.Facts[different].GetValueOrDefault(fact.Key) != fact.Value).Select(fact => fact.Key))}");
    }

    public override void OnFirst(string what, Action action)
    {
        if (IsFirst) action();
        Meet();
    }

    private void Meet()
    {
        if (!_shared.Barrier.SignalAndWait(TimeSpan.FromSeconds(30))) throw new TimeoutException($"rank {Rank} waited in vain");
    }
}

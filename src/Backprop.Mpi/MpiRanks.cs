using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Backprop;

/// <summary>The processes of a job, as one of them sees them: who it is, and how it adds and compares with the others. <see cref="Mpi.Run(string[], Action{MpiRanks}, MpiOptions)"/> gives it.</summary>
/// <remarks>
/// It is what <see cref="Trainer{T}.Exchange"/> and <see cref="ShardedGradients{T}"/> want. Every rank calls its members in the same order. A rank that waits for others longer than
/// <see cref="MpiOptions.Limit"/> finds out who has not come, says so, and ends all of them: a checkpoint is where the training goes on.
/// </remarks>
/// <threadsafety>One thread at a time; a second one is refused.</threadsafety>
public sealed class MpiRanks : ShardExchange
{
    private readonly MpiLibrary? _mpi;          // null for one rank without an MPI
    // A communicator for each kind of exchange: ranks that are not at the same place then wait, and find out, instead of taking what one sent for another.
    private readonly nint _sums, _reductions, _facts, _asking;
    private readonly MpiOptions _options;
    private readonly Plainly _plain;
    private readonly Waiting? _waiting;
    private TimeSpan? _announced;               // how long the next wait may take
    private string? _announcement;
    private bool _areOnOneHost;                 // all ranks; the same is known to each
    private Sums _compared;                     // what all ranks have added last
    private byte[] _received = [];
    private string? _inside;                    // what a thread does here now
    private bool _isOver;

    internal MpiRanks(MpiLibrary? mpi, int rank, int ranks, MpiOptions options)
    {
        (_mpi, Rank, Ranks, _options, _plain) = (mpi, rank, ranks, options, new(this));
        Library = mpi is null ? "no MPI" : $"{mpi.Version} ({mpi.Path})";
        if (mpi is null) return;
        (_sums, _reductions, _facts, _asking) = (mpi.NewCommunicator(), mpi.NewCommunicator(), mpi.NewCommunicator(), mpi.NewCommunicator());
        _waiting = new(mpi, _asking, rank, ranks);
    }

    /// <inheritdoc/>
    public override int Rank { get; }

    /// <inheritdoc/>
    public override int Ranks { get; }

    /// <summary>The MPI that connects the ranks, by its name and version.</summary>
    public string Library { get; }

    /// <summary>Where this rank writes to what one rank alone should write to: the console on the first, nowhere on the others.</summary>
    public TextWriter Out => IsFirst ? Console.Out : TextWriter.Null;

    /// <summary>The same ranks, adding by MPI's own all-reduce: as fast as that is, but with bits that depend on the library and on the number of ranks. Each rank must get the same ones, as MPI recommends to those who write it; one that does not is found out.</summary>
    public ShardExchange Plain => _plain;

    /// <summary>Bytes that this rank has sent in sums.</summary>
    public long BytesSent { get; private set; }

    /// <summary>Where this rank has met the others last, for whoever wonders when it ended.</summary>
    internal string LastIn { get; private set; } = "the beginning";

    /// <summary>Says that what comes before the next exchange may take longer than <see cref="MpiOptions.Limit"/>: reading, preparing, looking back. Every rank says so.</summary>
    /// <param name="what">What it is, for messages.</param>
    /// <param name="atMost">How long the others then wait at the next exchange.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0.</exception>
    public void Announce(string what, TimeSpan atMost)
    {
        ArgumentNullException.ThrowIfNull(what);
        using var use = Enter(what);
        if (atMost <= TimeSpan.Zero) throw new ArgumentOutOfRangeException(nameof(atMost), atMost.ToString("c", CultureInfo.InvariantCulture), "Announce expects a time above 0.");
        (_announcement, _announced) = (what, atMost);
    }

    /// <inheritdoc/>
    public override unsafe void Sum<T>(ShardSums<T> sums)
    {
        ArgumentNullException.ThrowIfNull(sums);
        using var use = Enter(Step);
        if (_mpi is null || Ranks == 1) return;
        Compare(Of(sums, "as a tree"), Step);
        var (length, slice, isWhole) = (sums.Bytes.Length, sums.SliceLength, IsSentWhole(sums.Bytes.Length, Ranks, _areOnOneHost));
        var needed = isWhole ? length * Ranks : length;
        if (_received.Length < needed) _received = GC.AllocateUninitializedArray<byte>(needed, pinned: true);
        var received = _received.AsSpan(0, needed);
        fixed (byte* bytes = sums.Bytes, versions = received)
        {
            if (isWhole)
            {
                Wait(_mpi.AllGather(_sums, bytes, versions, length), Step);
                sums.AddWholes(received);
            }
            else
            {
                Wait(_mpi.AllToAll(_sums, bytes, versions, slice), Step);
                sums.AddSlices(Rank, received);
                Wait(_mpi.AllGather(_sums, bytes, slice), Step);
            }
        }

        BytesSent += isWhole ? (long)(Ranks - 1) * length : 2L * (Ranks - 1) * slice;
    }

    /// <summary>Adds numbers over ranks by MPI's own all-reduce, in place: every rank gets the sum.</summary>
    /// <param name="values">As many on every rank.</param>
    /// <exception cref="InvalidOperationException">A rank has others; compared whenever there are more or fewer than the last time.</exception>
    public void AllReduce(Span<double> values)
    {
        using var use = Enter(Reduction);
        if (_mpi is null || Ranks == 1) return;
        Compare(new(AddedByMpi, values.Length, NameOf<double>()), Reduction);
        Reduce(values);
    }

    /// <inheritdoc cref="AllReduce(Span{double})"/>
    public void AllReduce(Span<float> values)
    {
        using var use = Enter(Reduction);
        if (_mpi is null || Ranks == 1) return;
        Compare(new(AddedByMpi, values.Length, NameOf<float>()), Reduction);
        Reduce(values);
    }

    /// <inheritdoc/>
    public override void RequireSame(IReadOnlyDictionary<string, string> facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var place = facts.GetValueOrDefault(Place, "the comparison of ranks");
        using var use = Enter(place);
        Compare(place, facts);
    }

    /// <inheritdoc/>
    public override void OnFirst(string what, Action action)
    {
        ArgumentNullException.ThrowIfNull(what);
        ArgumentNullException.ThrowIfNull(action);
        using var use = Enter($"{what}, which the first rank does alone");
        (_announcement, _announced, LastIn) = (what, _options.LimitOnFirst, what);
        ExceptionDispatchInfo? failure = null;
        try
        {
            if (IsFirst) action();
        }
        catch (Exception exception)
        {
            failure = ExceptionDispatchInfo.Capture(exception);     // the others must hear of it: whoever goes on without, does so on all ranks
        }

        Compare(what, NoFacts, failure);
    }

    /// <summary>Waits until all ranks are here.</summary>
    /// <param name="what">Where that is, for messages, and the same on every rank.</param>
    /// <exception cref="InvalidOperationException">A rank is elsewhere. Thrown on every rank.</exception>
    public void Meet(string what)
    {
        ArgumentNullException.ThrowIfNull(what);
        using var use = Enter(what);
        Compare(what, NoFacts);
    }

    private const string Step = "the sum of a step", Reduction = "an all-reduce";

    private static readonly Dictionary<string, string> NoFacts = [];

    /// <summary>Compares where ranks are and what they say of themselves; where the first has failed, all do.</summary>
    private void Compare(string place, IReadOnlyDictionary<string, string> facts, ExceptionDispatchInfo? failure = null)
    {
        if (_mpi is null || Ranks == 1)
        {
            failure?.Throw();
            return;
        }

        // One exchange of 48 bytes each; more is sent where that shows that more is to be said.
        const int FactsAt = SHA256.HashSizeInBytes, FailureAt = FactsAt + sizeof(long), Each = FailureAt + sizeof(long);
        var text = FactText.Write(facts.Where(fact => fact.Key != Place).OrderBy(fact => fact.Key, StringComparer.Ordinal).Prepend(new(Place, place)));
        var told = failure is null ? [] : Encoding.UTF8.GetBytes(Failures.Describe(failure.SourceException));
        var all = new byte[Ranks * Each];
        var own = all.AsSpan(Rank * Each, Each);
        SHA256.HashData(text, own);
        MemoryMarshal.Write(own[FactsAt..], (long)text.Length);
        MemoryMarshal.Write(own[FailureAt..], (long)told.Length);
        Gather(all, Each, place);

        var first = Enumerable.Range(1, Ranks - 1).FirstOrDefault(rank => !all.AsSpan(rank * Each, FailureAt).SequenceEqual(all.AsSpan(0, FailureAt)));
        if (first != 0)
        {
            var difference = Difference(first, place, [.. facts.Keys], [.. Blobs(text, FactsAt).Select(FactText.Read)]);
            failure?.Throw();
            throw IsFirst ? difference : Echo(difference);
        }

        if (Length(0, FailureAt) == 0) return;
        var failed = Encoding.UTF8.GetString(Blobs(told, FailureAt)[0]);
        failure?.Throw();
        throw Echo(Failures.Of(failed, message => FormattableString.Invariant($"Rank 0 of {Ranks} has failed in {place}: {message}")));

        int Length(int rank, int at) => (int)MemoryMarshal.Read<long>(all.AsSpan(rank * Each + at));

        byte[][] Blobs(byte[] mine, int at)
        {
            var longest = Enumerable.Range(0, Ranks).Max(rank => Length(rank, at));
            var texts = new byte[Ranks * longest];
            mine.CopyTo(texts, Rank * longest);
            Gather(texts, longest, place);
            return [.. Enumerable.Range(0, Ranks).Select(rank => texts.AsSpan(rank * longest, Length(rank, at)).ToArray())];
        }
    }

    private InvalidOperationException Difference(int rank, string place, string[] order, Dictionary<string, string?>[] facts)
    {
        var (here, there) = (facts[0], facts[rank]);
        if (here[Place] != there[Place])
            return new(FormattableString.Invariant($"Rank {rank} of {Ranks} is not where rank 0 is: rank 0 in {Short(here[Place])}, rank {rank} in {Short(there[Place])}. The ranks do not run the same program."));
        const int Most = 6;
        var differences = order.Union(there.Keys).Where(name => here.GetValueOrDefault(name) != there.GetValueOrDefault(name)).ToArray();
        var told = differences.Take(Most).Select(name => FormattableString.Invariant($"{Short(name)}: {Short(here.GetValueOrDefault(name, "nothing"))} on rank 0, {Short(there.GetValueOrDefault(name, "nothing"))} on rank {rank}"));
        return new(FormattableString.Invariant($"Rank {rank} of {Ranks} is not the same as rank 0, and would compute something else. ")
            + string.Join("; ", told) + (differences.Length > Most ? FormattableString.Invariant($"; and {differences.Length - Most} more") : "") + $". Found in {Short(place)}.");

        static string Short(string? text) => text is null ? "null" : text.Length <= 300 ? text : $"{text.AsSpan(0, 300)}...";
    }

    /// <summary>Lets one thread in: MPI takes what two of them send for the same, and so do the others.</summary>
    private Use Enter(string what)
    {
        if (_isOver) throw new InvalidOperationException("MpiRanks expects to be used before Mpi.Run is over.");
        if (Interlocked.CompareExchange(ref _inside, what, null) is { } other) throw new InvalidOperationException($"MpiRanks expects one call at a time, but {what} begins during {other}.");
        return new(this);
    }

    private readonly ref struct Use(MpiRanks ranks)
    {
        public void Dispose() => Volatile.Write(ref ranks._inside, null);
    }

    /// <summary>From here on there are no ranks.</summary>
    internal void End() => _isOver = true;

    /// <summary>Finds out whether all ranks are on one host.</summary>
    internal void FindHosts()
    {
        if (_mpi is null || Ranks == 1) return;
        var names = new byte[Ranks * SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(Environment.MachineName), names.AsSpan(Rank * SHA256.HashSizeInBytes));
        Gather(names, SHA256.HashSizeInBytes, "the beginning");
        _areOnOneHost = names.Chunk(SHA256.HashSizeInBytes).All(name => name.AsSpan().SequenceEqual(names.AsSpan(0, SHA256.HashSizeInBytes)));
    }

    /// <summary>Says what went wrong, in the name of this rank.</summary>
    internal void Tell(string message)
    {
        try
        {
            Console.Error.WriteLine(FormattableString.Invariant($"rank {Rank} of {Ranks} ({Environment.MachineName}, process {Environment.ProcessId}): {message}"));
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            // Nobody reads it any more; the code says that something went wrong.
        }
    }

    /// <summary>Ends all ranks; does not return.</summary>
    internal void Abort(int code)
    {
        Flush();
        // Where the network is gone, even that may wait.
        new Thread(() =>
        {
            Thread.Sleep(TimeSpan.FromSeconds(3));
            Machine.End(code);
        })
        { IsBackground = true }.Start();
        _mpi?.Abort(code);
        Machine.End(code);
    }

    private static void Flush()
    {
        try
        {
            Console.Out.Flush();
            Console.Error.Flush();
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            // Nobody reads it any more.
        }
    }

    private unsafe void Gather(byte[] bytes, int each, string what)
    {
        fixed (byte* first = bytes) Wait(_mpi!.AllGather(_facts, first, each), what);
    }

    /// <summary>Whether all is sent to all at once, and each rank adds everything: one exchange instead of two, for the price of bytes that every rank gets and adds.</summary>
    /// <remarks>
    /// In slices a rank sends 2 n (R - 1) / R bytes, and adds n; whole, n (R - 1) of each. For two ranks as much is sent, so only what is added besides costs, and it costs more than an exchange
    /// from a few hundred KB on where memory is shared, and from a MB on over TCP, as measured with both MPIs. For more ranks, n (1 - 2 / R) is sent besides to each of the others, which must take
    /// less than the latency of a message: some 10 KB in shared memory as on fast networks.
    /// </remarks>
    internal static bool IsSentWhole(int bytes, int ranks, bool onOneHost) => bytes <= (ranks > 2 ? 8 : onOneHost ? 192 : 512) * 1024;

    private const string AddedByMpi = "by MPI's all-reduce";

    /// <summary>What ranks add: it would end as numbers that mean nothing, were it another on one of them.</summary>
    private readonly record struct Sums(string How, long Count, string Numbers);

    /// <summary>Compares what ranks are about to add, whenever it is not what they added last. Whoever then has nothing to compare is elsewhere, and found out by waiting.</summary>
    private void Compare(Sums next, string what)
    {
        if (next == _compared) return;
        Compare($"the comparison before {what} that adds something else than the last one", new Dictionary<string, string> { ["added"] = next.How, ["numbers in a sum"] = next.Count.ToString(CultureInfo.InvariantCulture), ["kind of numbers"] = next.Numbers });
        _compared = next;
    }

    private Sums Of<T>(ShardSums<T> sums, string how) where T : unmanaged, IFloatingPointIeee754<T> => sums.Ranks == Ranks
        ? new(how, (long)sums.Values.Length + sums.Totals.Length, NameOf<T>())
        : throw new ArgumentException(FormattableString.Invariant($"MpiRanks expects sums of {Ranks} ranks, but they are of {sums.Ranks}."), nameof(sums));

    private static string NameOf<T>() => typeof(T) == typeof(float) ? "float" : "double";

    private unsafe void Reduce(Span<double> values)
    {
        fixed (double* first = values) Wait(_mpi!.AllReduce(_reductions, first, values.Length, _mpi.Double), Reduction);
    }

    private unsafe void Reduce(Span<float> values)
    {
        fixed (float* first = values) Wait(_mpi!.AllReduce(_reductions, first, values.Length, _mpi.Float), Reduction);
    }

    /// <summary>Waits for something that was begun, not longer than it may take.</summary>
    private void Wait(nint request, string what)
    {
        LastIn = what;
        var waiting = _waiting!;
        var (limit, began, hasAsked) = (_announced ?? _options.Limit, 0L, false);
        waiting.Count++;
        for (var spins = 1L; !_mpi!.IsOver(ref request); spins++)
        {
            if (spins < 64) continue;
            Thread.Yield();     // where ranks share a processor, the one that is waited for gets it
            if (spins % 64 != 0) continue;
            if (began == 0) began = Stopwatch.GetTimestamp();
            var waited = Stopwatch.GetElapsedTime(began);
            if (waited > TimeSpan.FromMilliseconds(1)) Thread.Sleep(waited > TimeSpan.FromMilliseconds(20) ? 1 : 0);
            var mayAsk = waited > limit;
            if (!hasAsked && (mayAsk || (waited > TimeSpan.FromMilliseconds(100) && waiting.IsAsked())))
            {
                waiting.Answer(what);
                hasAsked = true;
            }

            if (mayAsk && waited > limit + TimeSpan.FromSeconds(1)) GiveUp(waiting, what, limit);
            if (hasAsked) waiting.Listen();
        }

        (_announced, _announcement) = (null, null);
    }

    /// <summary>Says who has not come; of those who have, the first one does. Does not return.</summary>
    private void GiveUp(Waiting waiting, string what, TimeSpan limit)
    {
        waiting.Listen();
        var here = Enumerable.Range(0, Ranks).Where(rank => rank == Rank || waiting.WhereIs(rank) is not null).ToArray();
        if (here[0] == Rank)
        {
            // Where a network is in two or too slow for words, each half takes itself for the only one: the first rank's comes first, and ends the other, too, if it can.
            if (!IsFirst) Thread.Sleep(TimeSpan.FromSeconds(3));
            var gone = Enumerable.Range(0, Ranks).Except(here).ToArray();
            var elsewhere = here.Where(rank => rank != Rank && waiting.WhereIs(rank) != (waiting.Count, Waiting.Sent(what))).ToArray();
            var seconds = limit.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture);
            var advice = _announcement is null ? $" (The limit is MpiOptions.Limit, or {MpiOptions.LimitVariable}.)" : $" ({_announcement} was announced to take no longer.)";
            Tell(gone.Length > 0 ? $"{Name(gone)} did not come to {what} within {seconds} s: ended, stalled, busy with something else, or cut off. All ranks end; go on from the last checkpoint.{advice}"
                : elsewhere.Length > 0 ? $"waits in {what}, but {Name(elsewhere)} in {waiting.WhereIs(elsewhere[0])!.Value.What}: the ranks do not run the same program. All end."
                : $"all ranks have come to {what}, but what they send did not arrive within {seconds} s. All end; go on from the last checkpoint.{advice}");
            Abort(Mpi.WaitedTooLong);
        }

        Thread.Sleep(TimeSpan.FromSeconds(2));   // the one that speaks ends this one, too
        Machine.End(Mpi.WaitedTooLong);

        static string Name(int[] ranks) => FormattableString.Invariant($"rank{(ranks.Length > 1 ? "s" : "")} {string.Join(", ", ranks.Take(8))}{(ranks.Length > 8 ? $" and {ranks.Length - 8} more" : "")}");
    }

    private sealed class Plainly(MpiRanks ranks) : ShardExchange
    {
        public override int Rank => ranks.Rank;

        public override int Ranks => ranks.Ranks;

        public override void Sum<T>(ShardSums<T> sums)
        {
            ArgumentNullException.ThrowIfNull(sums);
            using var use = ranks.Enter(Step);
            if (Ranks == 1) return;
            ranks.Compare(ranks.Of(sums, AddedByMpi), Step);
            if (typeof(T) == typeof(double))
            {
                ranks.Reduce(MemoryMarshal.Cast<byte, double>(sums.Bytes));
                return;
            }

            ranks.Reduce(MemoryMarshal.Cast<T, float>(sums.Values));
            ranks.Reduce(sums.Totals);
        }

        public override void RequireSame(IReadOnlyDictionary<string, string> facts) => ranks.RequireSame(facts);

        public override void OnFirst(string what, Action action) => ranks.OnFirst(what, action);
    }
}

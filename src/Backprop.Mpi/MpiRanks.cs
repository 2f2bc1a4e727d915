using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Backprop;

/// <summary>The processes of a job, as one of them sees them: who it is, and how it adds and compares with the others. <see cref="Mpi.Run(string[], Action{MpiRanks}, MpiOptions)"/> gives it.</summary>
/// <remarks>
/// It is what <see cref="Trainer{T}.Exchange"/> and <see cref="ShardedGradients{T}"/> want. Every rank calls its members in the same order. A rank that waits for others longer than
/// <see cref="MpiOptions.Limit"/> finds out who has not come, says so, and ends all of them: a checkpoint is where the training goes on.
/// </remarks>
/// <threadsafety>One thread, that which <see cref="Mpi.Run(string[], Action{MpiRanks}, MpiOptions)"/> was called on.</threadsafety>
public sealed class MpiRanks : ShardExchange
{
    private readonly MpiLibrary? _mpi;          // null for one rank without an MPI
    private readonly nint _sums, _others, _asking;  // communicators: sums, all else, and who waits where
    private readonly MpiOptions _options;
    private readonly Plainly _plain;
    private readonly Waiting? _waiting;
    private TimeSpan? _announced;               // how long the next wait may take
    private string? _announcement;
    private object? _checked;                   // the sums whose length all ranks have
    private byte[] _received = [];

    internal MpiRanks(MpiLibrary? mpi, int rank, int ranks, MpiOptions options)
    {
        (_mpi, Rank, Ranks, _options, _plain) = (mpi, rank, ranks, options, new(this));
        Library = mpi is null ? "no MPI" : $"{mpi.Version} ({mpi.Path})";
        if (mpi is null) return;
        (_sums, _others, _asking) = (mpi.NewCommunicator(), mpi.NewCommunicator(), mpi.NewCommunicator());
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

    /// <summary>The same ranks, adding by MPI's own all-reduce: as fast as that is, but with bits that depend on the library and on the number of ranks.</summary>
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
        if (atMost <= TimeSpan.Zero) throw new ArgumentOutOfRangeException(nameof(atMost), atMost.ToString("c", CultureInfo.InvariantCulture), "Announce expects a time above 0.");
        (_announcement, _announced) = (what, atMost);
    }

    /// <inheritdoc/>
    public override unsafe void Sum<T>(ShardSums<T> sums)
    {
        ArgumentNullException.ThrowIfNull(sums);
        if (_mpi is null || Ranks == 1) return;
        const string What = "the sum of a step";
        RequireLength(sums, sums.Ranks, sums.Bytes.Length);
        if (_received.Length < sums.Bytes.Length) _received = GC.AllocateUninitializedArray<byte>(sums.Bytes.Length, pinned: true);
        var received = _received.AsSpan(0, sums.Bytes.Length);
        fixed (byte* bytes = sums.Bytes, versions = received)
        {
            Wait(_mpi.AllToAll(_sums, bytes, versions, sums.SliceLength), What);
            sums.AddSlices(Rank, received);
            Wait(_mpi.AllGather(_sums, bytes, sums.SliceLength), What);
        }

        BytesSent += 2L * (Ranks - 1) * sums.SliceLength;
    }

    /// <summary>Adds numbers over ranks by MPI's own all-reduce, in place: every rank gets the sum.</summary>
    /// <param name="values">As many on every rank.</param>
    public unsafe void AllReduce(Span<double> values)
    {
        if (_mpi is null || Ranks == 1) return;
        fixed (double* first = values) Wait(_mpi.AllReduce(_sums, first, values.Length, _mpi.Double), "an all-reduce");
    }

    /// <inheritdoc cref="AllReduce(Span{double})"/>
    public unsafe void AllReduce(Span<float> values)
    {
        if (_mpi is null || Ranks == 1) return;
        fixed (float* first = values) Wait(_mpi.AllReduce(_sums, first, values.Length, _mpi.Float), "an all-reduce");
    }

    /// <inheritdoc/>
    public override void RequireSame(IReadOnlyDictionary<string, string> facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        if (_mpi is null || Ranks == 1) return;
        var text = Encoding.UTF8.GetBytes(string.Join('\0', facts.OrderBy(fact => fact.Key, StringComparer.Ordinal).SelectMany(fact => (string[])[fact.Key, fact.Value])));
        var (digests, digest) = (new byte[Ranks * 40], new byte[40]);
        SHA256.HashData(text, digest);
        MemoryMarshal.Write(digest.AsSpan(32), (long)text.Length);
        digest.CopyTo(digests, Rank * 40);
        Gather(digests, 40);
        var longest = 0L;
        for (var rank = 0; rank < Ranks; rank++) longest = Math.Max(longest, MemoryMarshal.Read<long>(digests.AsSpan(rank * 40 + 32)));
        var first = Enumerable.Range(1, Ranks - 1).FirstOrDefault(rank => !digests.AsSpan(rank * 40, 40).SequenceEqual(digests.AsSpan(0, 40)));
        if (first == 0) return;

        var texts = new byte[Ranks * longest];
        text.CopyTo(texts, Rank * longest);
        Gather(texts, (int)longest);
        var (here, there) = (Facts(0), Facts(first));
        var differences = here.Keys.Union(there.Keys).Order(StringComparer.Ordinal).Where(name => here.GetValueOrDefault(name) != there.GetValueOrDefault(name)).ToArray();
        const int Most = 6;
        var told = differences.Take(Most).Select(name => $"{name}: {here.GetValueOrDefault(name, "nothing")} on rank 0, {there.GetValueOrDefault(name, "nothing")} on rank {first}");
        var exception = new InvalidOperationException(FormattableString.Invariant($"Rank {first} of {Ranks} is not the same as rank 0, and would compute something else. ")
            + string.Join("; ", told) + (differences.Length > Most ? FormattableString.Invariant($"; and {differences.Length - Most} more") : "") + ".");
        throw IsFirst ? exception : Echo(exception);

        Dictionary<string, string> Facts(int rank)
        {
            var parts = Encoding.UTF8.GetString(texts.AsSpan((int)(rank * longest), (int)MemoryMarshal.Read<long>(digests.AsSpan(rank * 40 + 32)))).Split('\0');
            return Enumerable.Range(0, parts.Length / 2).ToDictionary(i => parts[2 * i], i => parts[2 * i + 1]);
        }
    }

    /// <inheritdoc/>
    public override void OnFirst(string what, Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        Announce(what, _options.LimitOnFirst);
        if (IsFirst) action();
        Meet(what);
    }

    /// <summary>Waits until all ranks are here.</summary>
    /// <param name="what">Where that is, for messages.</param>
    public void Meet(string what)
    {
        if (_mpi is not null && Ranks > 1) Wait(_mpi.Barrier(_others), what);
    }

    /// <summary>Says what went wrong, in the name of this rank.</summary>
    internal void Tell(string message) => Console.Error.WriteLine(FormattableString.Invariant($"rank {Rank} of {Ranks} ({Environment.MachineName}, process {Environment.ProcessId}): {message}"));

    /// <summary>Ends all ranks; does not return.</summary>
    internal void Abort(int code)
    {
        Console.Out.Flush();
        Console.Error.Flush();
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

    private unsafe void Gather(byte[] bytes, int each)
    {
        fixed (byte* first = bytes) Wait(_mpi!.AllGather(_others, first, each), "the comparison of ranks");
    }

    /// <summary>Sums of another length on one rank would end as numbers that mean nothing: compared whenever it may be another.</summary>
    private void RequireLength(object sums, int ranks, int length)
    {
        if (ReferenceEquals(_checked, sums)) return;
        if (ranks != Ranks) throw new ArgumentException(FormattableString.Invariant($"MpiRanks expects sums of {Ranks} ranks, but they are of {ranks}."), nameof(sums));
        RequireSame(new Dictionary<string, string> { ["bytes in a sum"] = length.ToString(CultureInfo.InvariantCulture) });
        _checked = sums;
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
            var gone = Enumerable.Range(0, Ranks).Except(here).ToArray();
            var elsewhere = here.Where(rank => rank != Rank && waiting.WhereIs(rank) != (waiting.Count, what)).ToArray();
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
            if (Ranks == 1) return;
            ranks.RequireLength(sums, sums.Ranks, sums.Bytes.Length);
            if (typeof(T) == typeof(double))
            {
                ranks.AllReduce(MemoryMarshal.Cast<byte, double>(sums.Bytes));
                return;
            }

            ranks.AllReduce(MemoryMarshal.Cast<T, float>(sums.Values));
            ranks.AllReduce(sums.Totals);
        }

        public override void RequireSame(IReadOnlyDictionary<string, string> facts) => ranks.RequireSame(facts);

        public override void OnFirst(string what, Action action) => ranks.OnFirst(what, action);
    }
}

using System.Numerics;

namespace Backprop;

/// <summary>Who runs which shards of a batch, and how what they give is added: the way out of one process. See <see cref="Trainer{T}.Exchange"/>.</summary>
/// <remarks>
/// <para>Ranks are processes that run the same program on the same samples. Of V shards, rank r of R runs V / R consecutive ones, a power of two: a whole branch of the tree in which shards are added.
/// <see cref="Sum"/> adds the branches, in the same order for any number of ranks, so that a step has the same bits for 1, 2, 4 ... V of them.</para>
/// <para>Every rank calls the same members in the same order. To write another exchange, subclass this: send slice i of <see cref="ShardSums{T}.Bytes"/> to rank i, let
/// <see cref="ShardSums{T}.AddSlices"/> add those that came, and send the sum to all; or, where that is little, send all of it to all, and let <see cref="ShardSums{T}.AddWholes"/> add it.</para>
/// </remarks>
/// <threadsafety>One thread at a time.</threadsafety>
public abstract class ShardExchange
{
    private const string EchoKey = "Backprop.ShardExchange.Echo";

    /// <summary>The name of the fact, of those that are compared, that says where in its program a rank is; where that differs, the others tell nothing.</summary>
    public const string Place = "place";

    /// <summary>One process, which runs all shards: what a training does unless it is told otherwise.</summary>
    public static ShardExchange Alone { get; } = new OneProcess();

    /// <summary>The number of this rank, from 0.</summary>
    public abstract int Rank { get; }

    /// <summary>How many ranks there are, at least 1.</summary>
    public abstract int Ranks { get; }

    /// <summary>Whether this is the rank that writes files and talks: rank 0.</summary>
    public bool IsFirst => Rank == 0;

    /// <summary>Adds what each rank holds, and leaves the sum, the same bits, on each.</summary>
    /// <param name="sums">Gradients, statistics and losses; of the same lengths on every rank. Some totals are whole numbers, by whose exact sums ranks are found to be the same.</param>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    public abstract void Sum<T>(ShardSums<T> sums) where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>Compares what must be the same on every rank, before it makes a difference.</summary>
    /// <param name="facts">Names and values, those that say most first; <see cref="Place"/> may be one of them.</param>
    /// <exception cref="InvalidOperationException">A rank has others; the message names the first one, and what differs. Thrown on every rank.</exception>
    public abstract void RequireSame(IReadOnlyDictionary<string, string> facts);

    /// <summary>Does on the first rank what may take long, such as saving, while the others wait for it; what it throws there is thrown on every rank.</summary>
    /// <remarks>So that whoever catches it does so everywhere. The others' exception is of the same kind where that is one of .NET's for files, data and arguments, else an <see cref="InvalidOperationException"/>,
    /// and an <see cref="IsEcho">echo</see>.</remarks>
    /// <param name="what">What it is, for messages: <c>saving a checkpoint</c>.</param>
    /// <param name="action">What is done there.</param>
    public abstract void OnFirst(string what, Action action);

    /// <summary>Whether an exception only tells that another rank has thrown, which says more.</summary>
    /// <param name="exception">The exception.</param>
    public static bool IsEcho(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        return exception.Data.Contains(EchoKey);
    }

    /// <summary>Marks an exception as one that only tells that another rank has thrown, which says more.</summary>
    /// <param name="exception">The exception.</param>
    /// <returns>The same.</returns>
    public static TException Echo<TException>(TException exception) where TException : Exception
    {
        ArgumentNullException.ThrowIfNull(exception);
        exception.Data[EchoKey] = true;
        return exception;
    }

    /// <summary>Refuses a number of shards that does not give each rank a whole branch.</summary>
    internal void RequireBranches(string owner, int shards)
    {
        if (Ranks == 1 || (shards % Ranks == 0 && BitOperations.IsPow2(shards / Ranks))) return;
        throw new InvalidOperationException($"{owner} expects each rank to run a power of two of the shards, a whole branch of the tree in which they are added, but there are {Ranks} ranks for {shards} shards"
            + $"{(shards < Ranks ? "" : $": run it with {string.Join(" or ", Counts(shards))}")}.");
    }

    /// <summary>The numbers of ranks that so many shards can be divided among.</summary>
    private static IEnumerable<int> Counts(int shards)
    {
        var most = BitOperations.TrailingZeroCount(shards);
        if (!BitOperations.IsPow2(shards)) yield return 1;
        for (var power = most; power >= 0; power--) yield return shards >> power;
    }

    private sealed class OneProcess : ShardExchange
    {
        public override int Rank => 0;

        public override int Ranks => 1;

        public override void Sum<T>(ShardSums<T> sums) => ArgumentNullException.ThrowIfNull(sums);

        public override void RequireSame(IReadOnlyDictionary<string, string> facts) => ArgumentNullException.ThrowIfNull(facts);

        public override void OnFirst(string what, Action action)
        {
            ArgumentNullException.ThrowIfNull(action);
            action();
        }
    }
}

using static System.FormattableString;

namespace Backprop.Checks;

/// <summary>A sequence is some consecutive rows of the batch: how many sequences there are, and how long each is.</summary>
internal static class SequenceRows
{
    /// <summary>Refuses rows that are no whole number of sequences. Fewer rows than a sequence has are one that is shorter.</summary>
    /// <exception cref="ArgumentException">So many rows are no multiple of the steps.</exception>
    public static int Require(object owner, int rows, int steps) => rows < steps || rows % steps == 0
        ? rows
        : throw new ArgumentException(Invariant($"{owner} expects the {steps} rows of each sequence, or fewer of one alone, but there are {rows} rows."));

    /// <summary>How many sequences there are, and of how many rows.</summary>
    public static (int Sequences, int Steps) Of(int rows, int steps) => rows < steps ? (Math.Min(rows, 1), rows) : (rows / steps, steps);

    /// <summary>Refuses lengths that are not one for each sequence, from 1 to its rows.</summary>
    /// <exception cref="ArgumentException">They are not.</exception>
    public static ReadOnlySpan<int> Lengths(object owner, ReadOnlySpan<int> lengths, int sequences, int steps)
    {
        if (lengths.IsEmpty) return lengths;
        if (lengths.Length != sequences)
            throw new ArgumentException(Invariant($"{owner} expects a length for each of the {sequences} sequences, but SequenceLengths has {lengths.Length}."));
        for (var i = 0; i < lengths.Length; i++)
        {
            if (lengths[i] < 1 || lengths[i] > steps)
                throw new ArgumentException(Invariant($"{owner} expects lengths from 1 to {steps}, but SequenceLengths[{i}] is {lengths[i]}."));
        }

        return lengths;
    }

    /// <summary>Refuses lengths of rows for which nobody has said how many a sequence has: there must be as many for each.</summary>
    /// <exception cref="ArgumentException">There are not, or a length is not from 1 to these.</exception>
    public static void RequireLengths(object owner, ReadOnlySpan<int> lengths, int rows, string parameter)
    {
        if (lengths.IsEmpty) return;
        if (rows % lengths.Length != 0 || rows == 0)
            throw new ArgumentException(Invariant($"{owner} expects a length for each sequence of as many rows, but there are {lengths.Length} for {rows} rows."), parameter);
        var steps = rows / lengths.Length;
        for (var i = 0; i < lengths.Length; i++)
            if (lengths[i] < 1 || lengths[i] > steps) throw new ArgumentException(Invariant($"{owner} expects lengths from 1 to {steps}, but lengths[{i}] is {lengths[i]}."), parameter);
    }
}

using System.Globalization;
using System.Numerics;

namespace Backprop;

/// <summary>Checks of sequences, for layers that mix their rows: a sequence of T steps is T consecutive rows, of which the first ones are real.</summary>
public static class Sequences
{
    /// <summary>How many sequences so many rows are.</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="rows">Rows of the input.</param>
    /// <param name="steps">T, the rows of a sequence.</param>
    /// <exception cref="ArgumentException">The rows are no multiple of T.</exception>
    public static int Count(object owner, int rows, int steps) => rows % steps == 0
        ? rows / steps
        : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{owner} expects sequences of {steps} rows each, but x has {rows} row{(rows == 1 ? "" : "s")}."));

    /// <summary>The lengths that a pass has been given; empty where all sequences have T steps.</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="pass">The pass.</param>
    /// <param name="sequences">How many sequences the batch has.</param>
    /// <param name="steps">T, the rows of a sequence.</param>
    /// <exception cref="ArgumentException">There is not a length for each sequence, or one is not from 1 to T.</exception>
    public static ReadOnlySpan<int> Lengths<T>(object owner, ForwardPass<T> pass, int sequences, int steps) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(pass);
        var lengths = pass.SequenceLengths.Span;
        if (lengths.IsEmpty) return lengths;
        if (lengths.Length != sequences)
            throw Refused(string.Create(CultureInfo.InvariantCulture, $"{owner} expects a length for each of {sequences} sequence{(sequences == 1 ? "" : "s")}, but SequenceLengths has {lengths.Length}."), nameof(pass.SequenceLengths));
        for (var n = 0; n < lengths.Length; n++)
            if (lengths[n] < 1 || lengths[n] > steps)
                throw Refused(string.Create(CultureInfo.InvariantCulture, $"{owner} expects lengths from 1 to {steps}, but SequenceLengths[{n}] is {lengths[n]}."), nameof(pass.SequenceLengths));
        return lengths;
    }

    private static ArgumentException Refused(string message, string parameter) => new(message, parameter);
}

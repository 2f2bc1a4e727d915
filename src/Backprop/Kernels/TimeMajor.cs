using Backprop.Checks;

namespace Backprop.Kernels;

/// <summary>The rows of sequences, step after step of each: turned so that the samples of a step lie side by side, and back.</summary>
/// <remarks>
/// Of the turned matrix, some rows may be left over at the end of each column: columns that are a multiple of some kilobytes apart would all want the same places in a cache.
/// They are 0, so that products over all rows are none the wiser.
/// </remarks>
internal static unsafe class TimeMajor
{
    /// <summary>The rows that a turned matrix is to have.</summary>
    internal static int Total<T>(int sequences, int steps) where T : unmanaged
    {
        unchecked
        {
            const int Line = 64, Near = 4 * Line;
            var rows = (long)sequences * steps;
            return (int)Math.Min(rows * sizeof(T) % Near == 0 ? rows + Line / sizeof(T) : rows, Array.MaxLength);
        }
    }

    /// <summary>The row n T + t of x becomes the row t N + n of <paramref name="result"/>, which has <paramref name="total"/> of them.</summary>
    internal static void From<T>(ReadOnlySpan<T> x, Span<T> result, int sequences, int steps, int total, int columns) where T : unmanaged
    {
        unchecked
        {
            Lengths.MustBeMatrix(x.Length, sequences * steps, columns);
            Lengths.MustBeMatrix(result.Length, total, columns);
            Lengths.MustHoldRows(result.Length, sequences * steps, columns, total);
            nint rows = (nint)sequences * steps;
            fixed (T* from = x, to = result)
            {
                for (nint j = 0; j < columns; j++) Transpose.Copy(new Strided<T>(from + j * rows, steps, 1), new(to + j * total, 1, sequences), sequences, steps);
            }

            ClearEnd(result, sequences * steps, total, columns);
        }
    }

    /// <summary>The row t N + n of x, which has <paramref name="total"/> of them, becomes the row n T + t of <paramref name="result"/>.</summary>
    internal static void To<T>(ReadOnlySpan<T> x, Span<T> result, int sequences, int steps, int total, int columns) where T : unmanaged
    {
        unchecked
        {
            Lengths.MustBeMatrix(result.Length, sequences * steps, columns);
            Lengths.MustBeMatrix(x.Length, total, columns);
            Lengths.MustHoldRows(x.Length, sequences * steps, columns, total);
            nint rows = (nint)sequences * steps;
            fixed (T* from = x, to = result)
            {
                for (nint j = 0; j < columns; j++) Transpose.Copy(new Strided<T>(from + j * total, sequences, 1), new(to + j * rows, 1, steps), steps, sequences);
            }
        }
    }

    /// <summary>Sets to 0 what lies beyond each sequence's length.</summary>
    /// <param name="x">Rows as <see cref="From"/> gives them.</param>
    /// <param name="lengths">A length for each sequence.</param>
    /// <param name="steps">T.</param>
    /// <param name="total">Rows of x.</param>
    /// <param name="columns">Columns.</param>
    internal static void ClearBeyond<T>(Span<T> x, ReadOnlySpan<int> lengths, int steps, int total, int columns) where T : unmanaged
    {
        unchecked
        {
            Lengths.MustBeMatrix(x.Length, total, columns);
            Lengths.MustHoldRows(x.Length, lengths.Length * steps, columns, total);
            for (var n = 0; n < lengths.Length; n++)
                for (var j = 0; j < columns; j++)
                    for (var t = lengths[n]; t < steps; t++) x[j * total + t * lengths.Length + n] = default;
        }
    }

    /// <summary>Sets to 0 the rows from <paramref name="first"/> on.</summary>
    internal static void ClearEnd<T>(Span<T> x, int first, int total, int columns) where T : unmanaged
    {
        unchecked
        {
            Lengths.MustBeMatrix(x.Length, total, columns);
            if (first == total) return;
            for (var j = 0; j < columns; j++) x.Slice(j * total + first, total - first).Clear();
        }
    }
}

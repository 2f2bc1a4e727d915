using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>What becomes of the steps of each sequence, column by column: T consecutive rows, of which the first ones count.</summary>
/// <remarks>Lengths are empty where all T count; else each is from 1 to T, which the caller has seen to.</remarks>
internal static unsafe class OverTime
{
    /// <summary>y = the sum of a sequence's real steps, divided by their number; sums of floats are taken in double.</summary>
    internal static void Mean<T>(ReadOnlySpan<T> x, ReadOnlySpan<int> lengths, Span<T> y, int sequences, int steps, int columns) where T : unmanaged, IFloatingPointIeee754<T>
    {
        unchecked
        {
            MustFit(x.Length, y.Length, lengths.Length, sequences, steps, columns);
            for (var i = 0; i < y.Length; i++)
            {
                var real = x.Slice(i * steps, lengths.IsEmpty ? steps : lengths[i % sequences]);
                var sum = 0.0;
                foreach (var value in real) sum += double.CreateTruncating(value);
                y[i] = T.CreateTruncating(sum / real.Length);
            }
        }
    }

    /// <summary>dX = dY / length in a sequence's real steps, and 0 beyond.</summary>
    internal static void MeanBackward<T>(ReadOnlySpan<T> dY, ReadOnlySpan<int> lengths, Span<T> dX, int sequences, int steps, int columns) where T : unmanaged, IFloatingPointIeee754<T>
    {
        unchecked
        {
            MustFit(dX.Length, dY.Length, lengths.Length, sequences, steps, columns);
            for (var i = 0; i < dY.Length; i++)
            {
                var length = lengths.IsEmpty ? steps : lengths[i % sequences];
                dX.Slice(i * steps, length).Fill(dY[i] / T.CreateTruncating(length));
                dX.Slice(i * steps + length, steps - length).Clear();
            }
        }
    }

    /// <summary>y = the greatest of a sequence's real steps, and which one it was: the first of equals; the first NaN where there is one.</summary>
    internal static void Max<T>(ReadOnlySpan<T> x, ReadOnlySpan<int> lengths, Span<T> y, Span<int> steps, int sequences, int stepsOfEach, int columns) where T : unmanaged, IFloatingPointIeee754<T>
    {
        unchecked
        {
            MustFit(x.Length, y.Length, lengths.Length, sequences, stepsOfEach, columns);
            Lengths.MustAgree(steps.Length, y.Length);
            for (var i = 0; i < y.Length; i++)
            {
                var real = x.Slice(i * stepsOfEach, lengths.IsEmpty ? stepsOfEach : lengths[i % sequences]);
                var best = 0;
                for (var t = 1; t < real.Length && !T.IsNaN(real[best]); t++)
                    if (!(real[t] <= real[best])) best = t;
                (y[i], steps[i]) = (real[best], best);
            }
        }
    }

    /// <summary>dX = dY in the step of each sequence that was chosen, and 0 elsewhere.</summary>
    internal static void Put<T>(ReadOnlySpan<T> dY, ReadOnlySpan<int> chosen, Span<T> dX, int sequences, int steps, int columns) where T : unmanaged
    {
        unchecked
        {
            MustFit(dX.Length, dY.Length, 0, sequences, steps, columns);
            Lengths.MustAgree(chosen.Length, dY.Length);
            dX.Clear();
            for (var i = 0; i < dY.Length; i++) dX[i * steps + chosen[i]] = dY[i];
        }
    }

    /// <summary>y = a sequence's last real step.</summary>
    internal static void Last<T>(ReadOnlySpan<T> x, ReadOnlySpan<int> lengths, Span<T> y, int sequences, int steps, int columns) where T : unmanaged
    {
        unchecked
        {
            MustFit(x.Length, y.Length, lengths.Length, sequences, steps, columns);
            for (var i = 0; i < y.Length; i++) y[i] = x[i * steps + (lengths.IsEmpty ? steps : lengths[i % sequences]) - 1];
        }
    }

    /// <summary>dX = dY in a sequence's last real step, and 0 elsewhere.</summary>
    internal static void LastBackward<T>(ReadOnlySpan<T> dY, ReadOnlySpan<int> lengths, Span<T> dX, int sequences, int steps, int columns) where T : unmanaged
    {
        unchecked
        {
            MustFit(dX.Length, dY.Length, lengths.Length, sequences, steps, columns);
            dX.Clear();
            for (var i = 0; i < dY.Length; i++) dX[i * steps + (lengths.IsEmpty ? steps : lengths[i % sequences]) - 1] = dY[i];
        }
    }

    /// <summary>The columns t d + k of row n become the columns k of row n T + t: a row becomes a row for each step.</summary>
    internal static void Split<T>(ReadOnlySpan<T> rows, Span<T> steps, int sequences, int stepsOfEach, int columns) where T : unmanaged
    {
        unchecked
        {
            MustFit(steps.Length, steps.Length / Math.Max(1, stepsOfEach), 0, sequences, stepsOfEach, columns);
            Lengths.MustAgree(rows.Length, steps.Length);
            fixed (T* from = rows, to = steps)
            {
                for (nint k = 0; k < columns; k++)
                    Transpose.Copy(new Strided<T>(from + k * sequences, 1, (nint)columns * sequences), new(to + k * sequences * stepsOfEach, stepsOfEach, 1), sequences, stepsOfEach);
            }
        }
    }

    /// <summary>The same back: rows of steps become one row.</summary>
    internal static void Join<T>(ReadOnlySpan<T> steps, Span<T> rows, int sequences, int stepsOfEach, int columns) where T : unmanaged
    {
        unchecked
        {
            MustFit(steps.Length, steps.Length / Math.Max(1, stepsOfEach), 0, sequences, stepsOfEach, columns);
            Lengths.MustAgree(rows.Length, steps.Length);
            fixed (T* from = steps, to = rows)
            {
                for (nint k = 0; k < columns; k++)
                    Transpose.Copy(new Strided<T>(from + k * sequences * stepsOfEach, stepsOfEach, 1), new(to + k * sequences, 1, (nint)columns * sequences), sequences, stepsOfEach);
            }
        }
    }

    /// <summary>y = x and, to each sequence's step t, the table's row t; columns of the table are <paramref name="ofTable"/> entries apart.</summary>
    internal static void AddTable<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> table, Span<T> y, int sequences, int steps, int columns, int ofTable) where T : unmanaged, IFloatingPointIeee754<T>
    {
        unchecked
        {
            Lengths.MustBeMatrix(x.Length, sequences * steps, columns);
            Lengths.MustAgree(x.Length, y.Length);
            Lengths.MustHoldRows(table.Length, steps, columns, ofTable);
            fixed (T* px = x, pTable = table, py = y)
            {
                var kernel = new TableKernel<T> { X = px, Table = pTable, Y = py, Sequences = sequences, Steps = steps, Columns = columns, OfTable = ofTable };
                Ends.Run<T, TableKernel<T>>(ref kernel, steps);
            }
        }
    }

    /// <summary>The table's row t += the sum of the sequences' steps t, one after the other.</summary>
    internal static void AddToTable<T>(ReadOnlySpan<T> x, Span<T> table, int sequences, int steps, int columns, int ofTable) where T : unmanaged, IFloatingPointIeee754<T>
    {
        unchecked
        {
            Lengths.MustBeMatrix(x.Length, sequences * steps, columns);
            Lengths.MustHoldRows(table.Length, steps, columns, ofTable);
            fixed (T* px = x, pTable = table)
            {
                var kernel = new TableKernel<T> { X = px, Table = pTable, Sequences = sequences, Steps = steps, Columns = columns, OfTable = ofTable };
                Ends.Run<T, TableKernel<T>>(ref kernel, steps);
            }
        }
    }

    private static void MustFit(int steps, int sums, int lengths, int sequences, int stepsOfEach, int columns)
    {
        unchecked
        {
            Lengths.MustBeMatrix(sums, sequences, columns);
            Lengths.MustBeMatrix(steps, sums, stepsOfEach);
            Lengths.MustAgreeOrBeEmpty(lengths, sequences);
        }
    }

    /// <summary>The table added to each sequence; or, without a result, each sequence to the table.</summary>
    private struct TableKernel<T> : ISimdKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        public T* X, Table, Y;
        public nint Sequences, Steps, Columns, OfTable;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                T* x = X, y = Y;
                for (nint j = 0; j < Columns; j++)
                {
                    var table = Table + j * OfTable;
                    for (nint n = 0; n < Sequences; n++, x += Steps)
                    {
                        for (nint t = 0; t < Steps; t += V.Count)
                        {
                            V sum = Ends.Load<T, V>(x + t, Steps - t) + Ends.Load<T, V>(table + t, Steps - t);
                            Ends.Store(sum, (y == null ? table : y) + t, Steps - t);
                        }

                        if (y != null) y += Steps;
                    }
                }
            }
        }
    }
}

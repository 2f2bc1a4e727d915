using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>Matrices with one row after the other, <c>stride</c> entries apart: what a step of many sequences reads and writes then lies together, and so do the units of a sample.</summary>
internal static unsafe class RowByRow
{
    /// <summary>How far apart rows of so many entries are: whole panels of a product, and not a multiple of a kilobyte, which would put all rows in the same places of a cache.</summary>
    internal static int Stride<T>(int columns) where T : unmanaged
    {
        unchecked
        {
            const int Line = 64, Near = 1024;
            var panel = 2 * Products.Lanes<T>();
            var stride = ((long)columns + panel - 1) / panel * panel;
            return (int)Math.Min(stride * sizeof(T) % Near == 0 ? stride + Math.Max(panel, Line / sizeof(T)) : stride, Array.MaxLength);
        }
    }

    /// <summary>The row n T + t of x, column-major, becomes the row t N + n of <paramref name="result"/>.</summary>
    internal static void From<T>(ReadOnlySpan<T> x, Span<T> result, int sequences, int steps, int columns, int stride) where T : unmanaged
    {
        unchecked
        {
            Lengths.MustBeMatrix(x.Length, sequences * steps, columns);
            Lengths.MustBeRows(result.Length, sequences * steps, columns, stride);
            nint rows = (nint)sequences * steps;
            fixed (T* from = x, to = result)
            {
                // Where there is one step, the samples lie side by side.
                if (steps == 1) Transpose.Copy(new Strided<T>(from, 1, rows), new(to, stride, 1), sequences, columns);
                else for (nint n = 0; n < sequences; n++) Transpose.Copy(new Strided<T>(from + n * steps, 1, rows), new(to + n * stride, sequences * (nint)stride, 1), steps, columns);
            }
        }
    }

    /// <summary>The row t N + n of x becomes the row n T + t of <paramref name="result"/>, column-major.</summary>
    internal static void To<T>(ReadOnlySpan<T> x, Span<T> result, int sequences, int steps, int columns, int stride) where T : unmanaged
    {
        unchecked
        {
            Lengths.MustBeMatrix(result.Length, sequences * steps, columns);
            Lengths.MustBeRows(x.Length, sequences * steps, columns, stride);
            nint rows = (nint)sequences * steps;
            fixed (T* from = x, to = result)
            {
                if (steps == 1) Transpose.Copy(new Strided<T>(from, stride, 1), new(to, 1, rows), sequences, columns);
                else for (nint n = 0; n < sequences; n++) Transpose.Copy(new Strided<T>(from + n * stride, sequences * (nint)stride, 1), new(to + n * steps, 1, rows), steps, columns);
            }
        }
    }

    /// <summary>Sets to 0 the rows t N + n that lie beyond the length of the sequence n.</summary>
    internal static void ClearBeyond<T>(Span<T> x, ReadOnlySpan<int> lengths, int steps, int stride) where T : unmanaged
    {
        unchecked
        {
            Lengths.MustBeMatrix(x.Length, lengths.Length * steps, stride);
            for (var n = 0; n < lengths.Length; n++)
                for (var t = lengths[n]; t < steps; t++) x.Slice((t * lengths.Length + n) * stride, stride).Clear();
        }
    }

    /// <summary>Y = X W^T + b, or Y += X W^T, with as many threads as that is worth.</summary>
    /// <param name="x">X, rows x inputs.</param>
    /// <param name="rowOfX">From a row of X to the next.</param>
    /// <param name="weight">W and b.</param>
    /// <param name="y">Y, rows x outputs; whole panels of it are written.</param>
    /// <param name="rowOfY">From a row of Y to the next.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="accumulate">Whether Y is added to.</param>
    internal static void TimesTransposed<T>(ReadOnlySpan<T> x, int rowOfX, PackedWeight<T> weight, Span<T> y, int rowOfY, int rows, bool accumulate = false) where T : unmanaged, IFloatingPointIeee754<T>
    {
        unchecked
        {
            Lengths.MustBeRows(x.Length, rows, weight.Inputs, rowOfX);
            Lengths.MustBeRows(y.Length, rows, weight.PaddedOutputs, rowOfY);
            fixed (T* xs = x, ys = y)
            {
                var threads = Workers.For((long)rows * weight.Inputs * weight.Outputs);
                var parts = new PartOfRows<T>(weight, xs, rowOfX, ys, rowOfY, rows, accumulate);
                Workers.Run(ref parts, Math.Min(threads, (rows + Tile.Columns - 1) / Tile.Columns));
            }
        }
    }

    /// <summary>Y = X W^T + b on this thread alone.</summary>
    internal static void TimesTransposedHere<T>(ReadOnlySpan<T> x, int rowOfX, PackedWeight<T> weight, Span<T> y, int rowOfY, int rows) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustBeRows(x.Length, rows, weight.Inputs, rowOfX);
        Lengths.MustBeRows(y.Length, rows, weight.PaddedOutputs, rowOfY);
        fixed (T* xs = x, ys = y) weight.Multiply(new(xs, rowOfX, 1), ys, rowOfY, rows, 0, weight.Panels);
    }

    /// <summary>C += A^T B, with A (rows x m), B (rows x k), and C (m x k) column-major.</summary>
    internal static void AddTransposeTimes<T>(ReadOnlySpan<T> a, int rowOfA, ReadOnlySpan<T> b, int rowOfB, Span<T> c, int rows, int m, int k) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustBeRows(a.Length, rows, m, rowOfA);
        Lengths.MustBeRows(b.Length, rows, k, rowOfB);
        Lengths.MustBeMatrix(c.Length, m, k);
        fixed (T* pa = a, pb = b, pc = c)
        {
            var product = new Product<T> { A = new(pa, 1, rowOfA), B = new(pb, rowOfB, 1), C = new(pc, 1, m), Rows = m, Columns = k, Inner = rows, Accumulate = true };
            Products.Run(ref product);
        }
    }

    /// <summary>sums[j] += the sum of column j, of 128 rows at a time.</summary>
    internal static void AddColumnSums<T>(ReadOnlySpan<T> x, int stride, Span<T> sums, int rows) where T : unmanaged, IFloatingPointIeee754<T>
    {
        unchecked
        {
            Lengths.MustBeRows(x.Length, rows, sums.Length, stride);
            fixed (T* px = x, ps = sums)
            {
                var kernel = new ColumnSums<T> { X = px, Sums = ps, Stride = stride, Rows = rows, Columns = sums.Length };
                Ends.Run<T, ColumnSums<T>>(ref kernel, sums.Length);
            }
        }
    }

    private readonly struct PartOfRows<T>(PackedWeight<T> weight, T* x, nint rowOfX, T* y, nint rowOfY, int rows, bool accumulate) : IParts where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Run(int part, int parts)
        {
            unchecked
            {
                int start = Share(part, parts), end = Share(part + 1, parts);
                if (end > start) weight.Multiply(new(x + start * rowOfX, rowOfX, 1), y + start * rowOfY, rowOfY, end - start, 0, weight.Panels, accumulate);
            }
        }

        private int Share(int part, int parts) => unchecked(part == parts ? rows : (int)((long)rows * part / parts / Tile.Columns * Tile.Columns));
    }

    private struct ColumnSums<T> : ISimdKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        private const int Block = 128;

        public T* X, Sums;
        public nint Stride, Rows, Columns;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                for (nint first = 0; first < Rows; first += Block)
                {
                    var end = nint.Min(first + Block, Rows);
                    nint j = 0;
                    for (; j + 4 * V.Count <= Columns; j += 4 * V.Count)
                    {
                        V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;
                        T* x = X + first * Stride + j, to = Sums + j;
                        for (var i = first; i < end; i++, x += Stride) (s0, s1, s2, s3) = (s0 + V.Load(x), s1 + V.Load(x + V.Count), s2 + V.Load(x + 2 * V.Count), s3 + V.Load(x + 3 * V.Count));
                        (V.Load(to) + s0).Store(to);
                        (V.Load(to + V.Count) + s1).Store(to + V.Count);
                        (V.Load(to + 2 * V.Count) + s2).Store(to + 2 * V.Count);
                        (V.Load(to + 3 * V.Count) + s3).Store(to + 3 * V.Count);
                    }

                    for (; j < Columns; j += V.Count)
                    {
                        V sum = V.Zero;
                        var x = X + first * Stride + j;
                        for (var i = first; i < end; i++, x += Stride) sum += Ends.Load<T, V>(x, Columns - j);
                        Ends.Store(Ends.Load<T, V>(Sums + j, Columns - j) + sum, Sums + j, Columns - j);
                    }
                }
            }
        }
    }
}

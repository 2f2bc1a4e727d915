using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Backprop.Kernels;

/// <summary>The matrix products of a linear layer, on column-major spans.</summary>
/// <remarks>
/// Every entry of a result is one chain of multiply-adds, c = a b + c, over the inner dimension in ascending order, in whichever
/// kernel, vector width, block or thread it is computed. So where the hardware fuses multiply and add, all of them give the same bits.
/// </remarks>
internal static unsafe class Products
{
    // Below so many multiply-adds, three plain loops are done before a kernel has begun.
    private const long FewMultiplyAdds = 160;

    // From so many on, a second thread saves more than it costs to call it.
    private const long ManyMultiplyAdds = 128 * 1024;

    /// <summary>Entries in a vector of this machine's width.</summary>
    internal static int Lanes<T>() => Math.Max(Simd.Bytes / Unsafe.SizeOf<T>(), 1);

    /// <summary>Y = X W^T + b, with X (n x k), W (m x k), b (m, or empty for none), Y (n x m).</summary>
    internal static void TimesTransposed<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> w, ReadOnlySpan<T> b, Span<T> y, int n, int k, int m)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (var j = 0; j < m; j++)
        {
            var column = y.Slice(j * n, n);
            var start = b.IsEmpty ? T.Zero : b[j];
            if (n >= 16) column.Fill(start);
            else for (var i = 0; i < column.Length; i++) column[i] = start;
        }

        fixed (T* xs = x, ws = w, ys = y)
        {
            // Vectors run along the longer side of the result: few rows are computed as Y^T = W X^T.
            var product = n >= Lanes<T>() || n >= m
                ? new Product<T> { A = new(xs, 1, n), B = new(ws, m, 1), C = new(ys, 1, n), Rows = n, Columns = m, Inner = k, Accumulate = true }
                : new Product<T> { A = new(ws, 1, m), B = new(xs, n, 1), C = new(ys, n, 1), Rows = m, Columns = n, Inner = k, Accumulate = true };
            Run(ref product);
        }
    }

    /// <summary>C = A B, with A (n x m), B (m x k), C (n x k).</summary>
    internal static void Times<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> c, int n, int m, int k)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        fixed (T* xa = a, xb = b, xc = c)
        {
            var product = new Product<T> { A = new(xa, 1, n), B = new(xb, 1, m), C = new(xc, 1, n), Rows = n, Columns = k, Inner = m };
            Run(ref product);
        }
    }

    /// <summary>C += A^T B, with A (n x m), B (n x k), C (m x k).</summary>
    internal static void AddTransposeTimes<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> c, int n, int m, int k)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        fixed (T* xa = a, xb = b, xc = c)
        {
            var product = new Product<T> { A = new(xa, n, 1), B = new(xb, 1, n), C = new(xc, 1, m), Rows = m, Columns = k, Inner = n, Accumulate = true };
            Run(ref product);
        }
    }

    private static void Run<T>(ref Product<T> product) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var multiplyAdds = (long)product.Rows * product.Columns * product.Inner;
        if (multiplyAdds <= FewMultiplyAdds)
        {
            Few(ref product);
        }
        else if (multiplyAdds < ManyMultiplyAdds || Workers.Available == 1)
        {
            Simd.Run<T, Product<T>>(ref product);
        }
        else
        {
            var split = new SplitProduct<T>(product);
            Workers.Run(ref split, Workers.Available);
        }
    }

    /// <summary>Three plain loops.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Few<T>(ref Product<T> product) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (a, b, c, inner) = (product.A, product.B, product.C, product.Inner);
        for (var j = 0; j < product.Columns; j++)
            for (var i = 0; i < product.Rows; i++)
            {
                T* ai = a.At(i, 0), bj = b.At(0, j), cij = c.At(i, j);
                var sum = product.Accumulate ? *cij : T.Zero;
                for (var p = 0; p < inner; p++, ai += a.Column, bj += b.Row) sum = T.MultiplyAddEstimate(*ai, *bj, sum);
                *cij = sum;
            }
    }
}

/// <summary>A product in parts: each computes columns of C of its own, or rows where there are more of those.</summary>
internal readonly struct SplitProduct<T>(Product<T> whole) : IParts where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Product<T> _whole = whole;

    public void Run(int part, int parts)
    {
        var product = _whole;
        if (product.Columns >= product.Rows || product.Columns >= 16 * Tile.Columns * parts)
        {
            var (start, count) = Share(product.Columns, Tile.Columns, part, parts);
            product.B = product.B.From(0, start);
            product.C = product.C.From(0, start);
            product.Columns = count;
        }
        else
        {
            var (start, count) = Share(product.Rows, 2 * Products.Lanes<T>(), part, parts);
            product.A = product.A.From(start, 0);
            product.C = product.C.From(start, 0);
            product.Rows = count;
        }

        if (product.Rows > 0 && product.Columns > 0) Simd.Run<T, Product<T>>(ref product);
    }

    /// <summary>Whole units, as many to each part as can be.</summary>
    private static (int Start, int Count) Share(int size, int unit, int part, int parts)
    {
        var units = (size + unit - 1L) / unit;
        int start = (int)Math.Min(size, units * part / parts * unit), end = (int)Math.Min(size, units * (part + 1) / parts * unit);
        return (start, end - start);
    }
}

/// <summary>The entry (i, j) of a matrix is at <c>Start[i * Row + j * Column]</c>.</summary>
internal readonly unsafe struct Strided<T>(T* start, nint row, nint column) where T : unmanaged
{
    public readonly T* Start = start;
    public readonly nint Row = row, Column = column;

    public T* At(nint i, nint j) => Start + i * Row + j * Column;

    public Strided<T> From(nint i, nint j) => new(At(i, j), Row, Column);
}

/// <summary>C = A B or C += A B, for matrices of any strides: blocks that fit the caches, tiles that fit the registers.</summary>
/// <remarks>
/// The scheme is that of Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008): a block of A lies in the
/// second-level cache, a strip of B in the first, a tile of C in registers. A and B are copied into that order only where that pays.
/// </remarks>
internal unsafe struct Product<T> : ISimdKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int InnerBlock = 256, RowBlock = 192, ColumnBlock = 1024;
    private const int Strip = Tile.Columns;

    public Strided<T> A, B, C;
    public int Rows, Columns, Inner;

    /// <summary>Whether C is added to; else its contents are unspecified before.</summary>
    public bool Accumulate;

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
    {
        var tileRows = 2 * V.Count;
        var rowBlock = RowBlock / tileRows * tileRows;
        // A tile wants its rows of A side by side, and no two rows of a strip of B in the same cache set.
        var packA = A.Row != 1 || (Columns >= 48 && A.Column * InnerBlock * sizeof(T) > 48 * 1024);
        var packB = B.Column == 1 && Rows >= 48;

        for (var p = 0; p < Inner; p += InnerBlock)
        {
            var inner = Math.Min(InnerBlock, Inner - p);
            var accumulate = Accumulate || p > 0;
            for (var j0 = 0; j0 < Columns; j0 += ColumnBlock)
            {
                var columns = Math.Min(ColumnBlock, Columns - j0);
                var b = B.From(p, j0);
                if (packB) b = PackB(b, inner, columns);
                for (var i0 = 0; i0 < Rows; i0 += rowBlock)
                {
                    var rows = Math.Min(rowBlock, Rows - i0);
                    var a = A.From(i0, p);
                    if (packA) a = PackA<V>(a, rows, inner);
                    // The last rows of an unpacked A are read as whole vectors, as far as that stays within A.
                    var end = packA ? null : A.At(Rows - 1, Inner - 1) + 1;

                    for (int j = 0, width; j < columns; j += width)
                    {
                        width = columns - j >= Strip ? Strip : columns - j >= 4 ? 4 : columns - j >= 2 ? 2 : 1;
                        var bStrip = packB ? b.Start + j / Strip * (nint)Strip * inner + j % Strip : b.At(0, j);
                        for (int i = 0, height; i < rows; i += height)
                        {
                            var aStrip = packA ? a.Start + i / tileRows * (nint)tileRows * inner + i % tileRows : a.At(i, 0);
                            var aColumn = packA ? tileRows : a.Column;
                            var c = C.At(i0 + i, j0 + j);
                            height = Math.Min(rows - i, C.Row == 1 ? tileRows : V.Count);
                            if (height == tileRows)
                            {
                                Tile.Run<T, V>(aStrip, aColumn, bStrip, b.Row, b.Column, c, C.Column, inner, width, accumulate);
                                continue;
                            }

                            // The lanes beyond A's last row are computed and not used. Whole vectors are read as long as they end within A.
                            var vectors = height > V.Count ? 2 : 1;
                            var there = height - (vectors - 1) * V.Count;
                            var whole = packA || there == V.Count ? inner : (int)Math.Clamp((end - aStrip - vectors * V.Count + aColumn) / aColumn, 0, inner);
                            if (C.Row != 1) Beside<V>(aStrip, aColumn, bStrip, b.Row, b.Column, c, height, whole, inner, width, accumulate);
                            else if (vectors == 2) Tile.RunEdge<T, V, Two>(aStrip, aColumn, bStrip, b.Row, b.Column, c, C.Column, there, whole, inner, width, accumulate);
                            else Tile.RunEdge<T, V, One>(aStrip, aColumn, bStrip, b.Row, b.Column, c, C.Column, there, whole, inner, width, accumulate);
                        }
                    }
                }
            }
        }
    }

    /// <summary>A tile whose rows do not lie side by side in C is computed beside it and copied.</summary>
    [SkipLocalsInit]
    private readonly void Beside<V>(T* a, nint aColumn, T* b, nint bRow, nint bColumn, T* c, int height, int whole, int inner, int width, bool accumulate) where V : unmanaged, ISimd<V, T>
    {
        var tile = stackalloc T[V.Count * Strip];
        for (var j = 0; j < width; j++)
            for (var i = 0; i < height; i++) tile[i + j * V.Count] = c[i * C.Row + j * C.Column];
        Tile.RunEdge<T, V, One>(a, aColumn, b, bRow, bColumn, tile, V.Count, height, whole, inner, width, accumulate);
        for (var j = 0; j < width; j++)
            for (var i = 0; i < height; i++) c[i * C.Row + j * C.Column] = tile[i + j * V.Count];
    }

    /// <summary>B in strips: the entries (p, j) of six columns side by side, then those of the next p.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static Strided<T> PackB(Strided<T> b, int inner, int columns)
    {
        // A few rows of B at a time, so that each cache line and page is visited once.
        const int Few = 8;
        var packed = Scratch<T>.B(inner * (columns + Strip));
        for (var p0 = 0; p0 < inner; p0 += Few)
        {
            var few = Math.Min(Few, inner - p0);
            for (var j = 0; j < columns; j += Strip)
            {
                T* from = b.At(p0, j), to = packed + j * (nint)inner + p0 * Strip;
                if (columns - j >= Strip)
                {
                    for (var p = 0; p < few; p++, from += b.Row, to += Strip) Unsafe.CopyBlockUnaligned(to, from, (uint)(Strip * sizeof(T)));
                }
                else
                {
                    for (var p = 0; p < few; p++, from += b.Row, to += Strip)
                        for (var jj = 0; jj < columns - j; jj++) to[jj] = from[jj];
                }
            }
        }

        return new(packed, Strip, 1);
    }

    /// <summary>A in strips: a tile's rows of one column side by side, then those of the next column. Rows that A lacks are 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static Strided<T> PackA<V>(Strided<T> a, int rows, int inner) where V : unmanaged, ISimd<V, T>
    {
        var tileRows = 2 * V.Count;
        var packed = Scratch<T>.A(inner * (rows + tileRows));
        var to = packed;
        for (var i = 0; i < rows; i += tileRows, to += tileRows * (nint)inner)
        {
            var height = Math.Min(tileRows, rows - i);
            var from = a.At(i, 0);
            if (height == tileRows && a.Row == 1)
            {
                for (var p = 0; p < inner; p++)
                {
                    V.Load(from + p * a.Column).Store(to + p * tileRows);
                    V.Load(from + p * a.Column + V.Count).Store(to + p * tileRows + V.Count);
                }

                continue;
            }

            if (height < tileRows) new Span<T>(to, tileRows * inner).Clear();
            var ii = 0;
            for (; ii + 4 <= height; ii += 4)
            {
                T* r0 = from + ii * a.Row, r1 = r0 + a.Row, r2 = r1 + a.Row, r3 = r2 + a.Row, t = to + ii;
                nint p = 0;
                if (a.Column == 1)
                    for (; p + 4 <= inner; p += 4, t += 4 * tileRows) Transpose.FourByFour(r0 + p, r1 + p, r2 + p, r3 + p, t, tileRows);
                for (var q = p * a.Column; p < inner; p++, q += a.Column, t += tileRows) (t[0], t[1], t[2], t[3]) = (r0[q], r1[q], r2[q], r3[q]);
            }

            for (; ii < height; ii++)
                for (var p = 0; p < inner; p++) to[ii + p * tileRows] = from[ii * a.Row + p * a.Column];
        }

        return new(packed, 1, tileRows);
    }
}

internal static unsafe class Transpose
{
    /// <summary>Four rows of four entries become the rows of <paramref name="to"/>, which are <paramref name="stride"/> entries apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void FourByFour<T>(T* r0, T* r1, T* r2, T* r3, T* to, nint stride) where T : unmanaged
    {
        if (typeof(T) == typeof(float) && Sse.IsSupported)
        {
            Vector128<float> a = Vector128.Load((float*)r0), b = Vector128.Load((float*)r1), c = Vector128.Load((float*)r2), d = Vector128.Load((float*)r3);
            Vector128<float> abLow = Sse.UnpackLow(a, b), cdLow = Sse.UnpackLow(c, d), abHigh = Sse.UnpackHigh(a, b), cdHigh = Sse.UnpackHigh(c, d);
            var f = (float*)to;
            Sse.MoveLowToHigh(abLow, cdLow).Store(f);
            Sse.MoveHighToLow(cdLow, abLow).Store(f + stride);
            Sse.MoveLowToHigh(abHigh, cdHigh).Store(f + 2 * stride);
            Sse.MoveHighToLow(cdHigh, abHigh).Store(f + 3 * stride);
        }
        else if (typeof(T) == typeof(double) && Sse2.IsSupported)
        {
            TwoByTwo((double*)r0, (double*)r1, (double*)to, stride);
            TwoByTwo((double*)r0 + 2, (double*)r1 + 2, (double*)to + 2 * stride, stride);
            TwoByTwo((double*)r2, (double*)r3, (double*)to + 2, stride);
            TwoByTwo((double*)r2 + 2, (double*)r3 + 2, (double*)to + 2 * stride + 2, stride);
        }
        else
        {
            for (var p = 0; p < 4; p++, to += stride) (to[0], to[1], to[2], to[3]) = (r0[p], r1[p], r2[p], r3[p]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TwoByTwo(double* r0, double* r1, double* to, nint stride)
    {
        Vector128<double> a = Vector128.Load(r0), b = Vector128.Load(r1);
        Sse2.UnpackLow(a, b).Store(to);
        Sse2.UnpackHigh(a, b).Store(to + stride);
    }
}

/// <summary>Memory that a thread keeps for packed blocks; aligned to cache lines, grown as needed.</summary>
internal static unsafe class Scratch<T> where T : unmanaged
{
    [ThreadStatic] private static T[]? _a, _b;

    public static T* A(int count) => Aligned(ref _a, count);

    public static T* B(int count) => Aligned(ref _b, count);

    private static T* Aligned(ref T[]? array, int count)
    {
        const int Line = 64;
        if (array is null || array.Length < count + Line) array = GC.AllocateUninitializedArray<T>(count + Line, pinned: true);
        var start = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(array));
        return (T*)((start + Line - 1) & -Line);
    }
}

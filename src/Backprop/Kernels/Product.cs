using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>C = A B or C += A B, for matrices of any strides: blocks that fit the caches, tiles that fit the registers.</summary>
/// <remarks>
/// The scheme is that of Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008): a block of A lies in the
/// second-level cache, a strip of B in the first, a tile of C in registers. A and B are copied into that order only where that pays.
/// <para>The loops have the names that BLIS gives them (F. Van Zee and R. van de Geijn, "BLIS: A Framework for Rapidly Instantiating BLAS
/// Functionality", 2015), 5 being the outermost there. Here 4 encloses 5, which changes no bit: an entry's chain is cut at the same places.</para>
/// <para>In plain loops: <c>Reference.TimesTransposed</c>, <c>Times</c> and <c>AddTransposeTimes</c> of the tests.</para>
/// </remarks>
internal unsafe struct Product<T> : ISimdKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int InnerBlock = 256, RowBlock = 192, ColumnBlock = 1024;
    private const int Strip = Tile.Columns;

    public Strided<T> A, B, C;
    public int Rows, Columns, Inner;

    /// <summary>Whether C is added to; else its contents are unspecified before.</summary>
    public bool Accumulate;

    /// <summary>What the chains of each column begin with, where C is not added to and its rows lie side by side; null for 0.</summary>
    public T* Bias;

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining), SkipLocalsInit]
    public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            var tileRows = 2 * V.Count;
            var rowBlock = RowBlock / tileRows * tileRows;
            // A tile wants its rows of A side by side, and no two rows of a strip of B in the same cache set.
            var packA = A.Row != 1 || (Columns >= 48 && A.Column * InnerBlock * sizeof(T) > 48 * 1024);
            var packB = B.Column == 1 && Rows >= 48;
            Unsafe.SkipInit(out Beginning room);
            var beginning = (T*)&room;

            // LOOP 4: the chains' links in blocks, in ascending order; C holds what the blocks before gave.
            for (nint p = 0; p < Inner; p += InnerBlock)
            {
                var inner = (int)nint.Min(InnerBlock, Inner - p);
                var accumulate = Accumulate || p > 0;
                // LOOP 5: panels of B, at most as many columns as stay in the last-level cache.
                for (nint j0 = 0; j0 < Columns; j0 += ColumnBlock)
                {
                    var columns = (int)nint.Min(ColumnBlock, Columns - j0);
                    var b = B.From(p, j0);
                    if (packB) b = PackB(b, inner, columns);
                    // LOOP 3: blocks of A, which stay in the second-level cache while the panel passes by.
                    for (nint i0 = 0; i0 < Rows; i0 += rowBlock)
                    {
                        var rows = (int)nint.Min(rowBlock, Rows - i0);
                        var a = A.From(i0, p);
                        if (packA) a = PackA<V>(a, rows, inner);
                        // The last rows of an unpacked A are read as whole vectors, as far as that stays within A.
                        var end = packA ? null : A.At(Rows - 1, Inner - 1) + 1;

                        // LOOP 2: strips of B, as wide as a tile, which stay in the first-level cache.
                        for (int j = 0, width; j < columns; j += width)
                        {
                            width = columns - j >= Strip ? Strip : columns - j >= 4 ? 4 : columns - j >= 2 ? 2 : 1;
                            var isBeginning = p == 0 && Bias != null;
                            for (var k = 0; isBeginning && k < width; k++)
                            {
                                var bias = V.Broadcast(Bias[j0 + j + k]);
                                bias.Store(beginning + k * tileRows);
                                bias.Store(beginning + k * tileRows + V.Count);
                            }

                            var startColumn = isBeginning ? tileRows : C.Column;
                            var bStrip = packB ? b.Start + j / Strip * (nint)Strip * inner + j % Strip : b.At(0, j);
                            // LOOP 1: tiles of C, in registers; within one runs the micro-kernel's loop over the block's links.
                            for (int i = 0, height; i < rows; i += height)
                            {
                                var aStrip = packA ? a.Start + i / tileRows * (nint)tileRows * inner + i % tileRows : a.At(i, 0);
                                var aColumn = packA ? tileRows : a.Column;
                                T* c = C.At(i0 + i, j0 + j), start = isBeginning ? beginning : accumulate ? c : null;
                                height = Math.Min(rows - i, C.Row == 1 ? tileRows : V.Count);
                                if (height == tileRows)
                                {
                                    Tile.Run<T, V>(aStrip, aColumn, bStrip, b.Row, b.Column, start, startColumn, c, C.Column, inner, width);
                                    continue;
                                }

                                // The lanes beyond A's last row are computed and not used. Whole vectors are read as long as they end within A.
                                var vectors = height > V.Count ? 2 : 1;
                                var there = height - (vectors - 1) * V.Count;
                                var whole = packA || there == V.Count ? inner : (int)Math.Clamp((end - aStrip - vectors * V.Count + aColumn) / aColumn, 0, inner);
                                if (C.Row != 1) Beside<V>(aStrip, aColumn, bStrip, b.Row, b.Column, c, height, whole, inner, width, accumulate);
                                else if (vectors == 2) Tile.RunEdge<T, V, Two>(aStrip, aColumn, bStrip, b.Row, b.Column, start, startColumn, c, C.Column, there, whole, inner, width);
                                else Tile.RunEdge<T, V, One>(aStrip, aColumn, bStrip, b.Row, b.Column, start, startColumn, c, C.Column, there, whole, inner, width);
                            }
                        }
                    }
                }
            }
        }
    }

    /// <summary>Room for a tile of the widest vectors, in which each chain has what it begins with.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 2 * 64 * Strip)]
    private readonly struct Beginning;

    /// <summary>A tile whose rows do not lie side by side in C is computed beside it and copied.</summary>
    [SkipLocalsInit]
    private readonly void Beside<V>(T* a, nint aColumn, T* b, nint bRow, nint bColumn, T* c, int height, int whole, int inner, int width, bool accumulate) where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            var tile = stackalloc T[V.Count * Strip];
            for (var j = 0; j < width; j++)
                for (var i = 0; i < height; i++) tile[i + j * V.Count] = c[i * C.Row + j * C.Column];
            Tile.RunEdge<T, V, One>(a, aColumn, b, bRow, bColumn, accumulate ? tile : null, V.Count, tile, V.Count, height, whole, inner, width);
            for (var j = 0; j < width; j++)
                for (var i = 0; i < height; i++) c[i * C.Row + j * C.Column] = tile[i + j * V.Count];
        }
    }

    /// <summary>B in strips: the entries (p, j) of six columns side by side, then those of the next p.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static Strided<T> PackB(Strided<T> b, int inner, int columns)
    {
        unchecked
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
    }

    /// <summary>A in strips: a tile's rows of one column side by side, then those of the next column. Rows that A lacks are 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static Strided<T> PackA<V>(Strided<T> a, int rows, int inner) where V : unmanaged, ISimd<V, T>
    {
        unchecked
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
}

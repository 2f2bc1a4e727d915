using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>Y = X W^T + b for rows that lie one after the other, with W in panels: as many of its rows side by side as a tile has, link after link.</summary>
/// <remarks>
/// <para>Vectors run along the outputs, so one row is served as well as many. A few rows of X stay in the first-level cache while a group of panels streams by; the group stays in the
/// second-level cache for the next rows. For one row four panels stream by at a time, for two and three rows two, so that enough multiply-adds are under way that none waits for the one before.</para>
/// <para>Each entry is the chain that <see cref="Products"/> tells of, so the bits are the same.</para>
/// </remarks>
internal unsafe struct PanelProduct<T> : ISimdKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // So many links of a tile's rows and columns fit the first-level cache, and those of a group of panels a quarter of the second.
    private const int InnerBlock = 256, Group = 8;

    /// <summary>The weights of all blocks of links, one after the other.</summary>
    public T* Weights;

    /// <summary>Outputs in a line of <see cref="Weights"/>: so far apart are two links where the panels of a block do not lie one after the other.</summary>
    public nint Line;

    /// <summary>Whether each panel's part of a block lies by itself.</summary>
    public bool Packed;

    /// <summary>The bias, up to a whole panel; null for none.</summary>
    public T* Bias;

    /// <summary>The entry (i, p) of X.</summary>
    public Strided<T> X;

    /// <summary>The entry (i, 0) of Y; whole panels are written.</summary>
    public T* Y;
    public nint RowOfY;

    public int Rows, Inner, FirstPanel, Panels;

    /// <summary>Whether Y is added to, and not the bias.</summary>
    public bool Accumulate;

    /// <summary>Links in a block: blocks are as even as can be.</summary>
    internal static int BlockOf(int inner)
    {
        unchecked
        {
            var blocks = (int)((inner + InnerBlock - 1L) / InnerBlock);
            return (int)((inner + blocks - 1L) / Math.Max(blocks, 1));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            nint outputs = 2 * V.Count;
            var block = BlockOf(Inner);
            var tiles = (Rows + Tile.Columns - 1) / Tile.Columns;
            for (var first = FirstPanel; first < FirstPanel + Panels; first += Group)
            {
                var group = Math.Min(Group, FirstPanel + Panels - first);
                for (nint p = 0; p < Inner; p += block)
                {
                    var inner = (int)nint.Min(block, Inner - p);
                    nint link = Packed ? outputs : Line, panel = Packed ? outputs * inner : outputs;
                    T* w = Weights + p * Line + first * panel, y = Y + first * outputs, start = p > 0 || Accumulate ? y : Bias == null ? null : Bias + first * outputs;
                    var rowOfStart = p > 0 || Accumulate ? RowOfY : 0;
                    if (!Packed && tiles > 1 && Line * inner * sizeof(T) > 48 * 1024)
                    {
                        w = Pack<V>(w, inner, group);
                        (link, panel) = (outputs, outputs * inner);
                    }

                    // As few tiles as can be, none much narrower than the others: a narrow one would wait for its own results.
                    for (int i = 0, tile = 0, rows; tile < tiles; i += rows, tile++)
                    {
                        rows = (Rows - i + tiles - tile - 1) / (tiles - tile);
                        T* x = X.At(i, p), s = start == null ? null : start + i * rowOfStart, t = y + i * RowOfY;
                        var q = 0;
                        if (rows == 1)
                            for (; q + 4 <= group; q += 4) Tile.Row<T, V>(w + q * panel, link, panel, x, X.Column, At(s, q * outputs), t + q * outputs, inner);
                        if (rows <= 3)
                            for (; q + 2 <= group; q += 2) Tile.Rows<T, V>(w + q * panel, link, panel, x, X.Column, X.Row, At(s, q * outputs), rowOfStart, t + q * outputs, RowOfY, inner, rows);
                        for (; q < group; q++) Tile.Run<T, V>(w + q * panel, link, x, X.Column, X.Row, At(s, q * outputs), rowOfStart, t + q * outputs, RowOfY, inner, rows);
                    }
                }
            }
        }
    }

    private static T* At(T* start, nint offset) => start == null ? null : unchecked(start + offset);

    /// <summary>A group's links, which lie lines apart, as panels: a line of the cache is then read for one purpose only.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private readonly T* Pack<V>(T* w, int inner, int group) where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            nint outputs = 2 * V.Count, panel = outputs * inner;
            var packed = Scratch<T>.A((int)(panel * Group));
            for (nint p = 0; p < inner; p++, w += Line)
            {
                var to = packed + p * outputs;
                for (nint q = 0; q < group; q++)
                {
                    V.Load(w + q * outputs).Store(to + q * panel);
                    V.Load(w + q * outputs + V.Count).Store(to + q * panel + V.Count);
                }
            }

            return packed;
        }
    }
}

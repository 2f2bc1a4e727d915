using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>The innermost kernel of a convolution: a tile of the output stays in registers while rows of the image, each somewhere, and weights stream by.</summary>
/// <remarks>As <see cref="Tile"/>, but that the columns of its first operand lie where a list says.</remarks>
internal static unsafe class GatherTile
{
    internal const int Columns = Tile.Columns;

    // So many taps of a tile fit the first-level cache with their weights.
    private const int TapBlock = 256;

    // Where so many panels of weights meet each number of x, it pays to copy them side by side first: else each tap would be a stream of its own, more than a processor foresees and has pages for.
    private const int PanelsToPack = 3;

    /// <summary>Tiles that make up <paramref name="length"/> rows of c, and all of its columns.</summary>
    /// <param name="x">The place that the taps count from.</param>
    /// <param name="taps">Distances in bytes.</param>
    /// <param name="tapCount">How many.</param>
    /// <param name="w">Panels of weights for six columns each.</param>
    /// <param name="panel">From one panel to the next.</param>
    /// <param name="starts">Six starts for each panel.</param>
    /// <param name="c">The rows.</param>
    /// <param name="cColumn">How far its columns are apart.</param>
    /// <param name="length">Rows.</param>
    /// <param name="columns">Columns.</param>
    internal static void Block<T, V>(T* x, nint* taps, int tapCount, T* w, nint panel, T* starts, T* c, nint cColumn, int length, int columns)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            var tile = 2 * V.Count;
            var packs = columns > (PanelsToPack - 1) * Columns;
            var side = stackalloc nint[packs ? TapBlock : 1];
            if (packs)
                for (var k = 0; k < TapBlock; k++) side[k] = (nint)k * tile * sizeof(T);
            var tapsDone = 0;
            do
            {
                var inner = Math.Min(TapBlock, tapCount - tapsDone);
                var packed = packs ? Pack<T, V>(x, taps + tapsDone, inner, length) : null;
                for (nint i = 0; i < length; i += tile)
                {
                    T* from = packs ? packed + i * inner : x + i, to = c + i, weights = w + (nint)tapsDone * Columns, start = starts;
                    for (var column = 0; column < columns; column += Columns, weights += panel, start += Columns, to += Columns * cColumn)
                        Run<T, V>(from, packs ? side : taps + tapsDone, weights, inner, tapsDone == 0 ? start : null, to, cColumn, (int)nint.Min(tile, length - i), Math.Min(Columns, columns - column));
                }

                tapsDone += TapBlock;
            }
            while (tapsDone < tapCount);
        }
    }

    /// <summary>The numbers that a tile's taps meet side by side, tile after tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static T* Pack<T, V>(T* x, nint* taps, int inner, int length) where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            nint tile = 2 * V.Count, tiles = (length + tile - 1) / tile, next = tile * inner;
            var packed = Scratch<T>.A((int)(tiles * next));
            for (var k = 0; k < inner; k++)
            {
                T* from = (T*)((byte*)x + taps[k]), to = packed + k * tile;
                for (var t = tiles; t > 0; t--, from += tile, to += next)
                {
                    V.Load(from).Store(to);
                    V.Load(from + V.Count).Store(to + V.Count);
                }
            }

            return packed;
        }
    }

    /// <summary>c(i, o) = start(o) + Σ_k x[i + taps k] w(k, o), or c(i, o) += it, for up to two vectors of i and 1 to 6 columns. Whole vectors of x are read, whatever is in them.</summary>
    /// <param name="x">The place that the taps count from.</param>
    /// <param name="taps">Distances in bytes.</param>
    /// <param name="w">Six weights for each tap.</param>
    /// <param name="inner">How many taps.</param>
    /// <param name="bias">Six starts; null to add to c.</param>
    /// <param name="c">The tile.</param>
    /// <param name="cColumn">How far its columns are apart.</param>
    /// <param name="rows">Rows that are written, at most two vectors.</param>
    /// <param name="columns">Columns.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run<T, V>(T* x, nint* taps, T* w, int inner, T* bias, T* c, nint cColumn, int rows, int columns)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        if (rows > V.Count) Run<T, V, Two>(x, taps, w, inner, bias, c, cColumn, rows, columns);
        else Run<T, V, One>(x, taps, w, inner, bias, c, cColumn, rows, columns);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run<T, V, TVectors>(T* x, nint* taps, T* w, int inner, T* bias, T* c, nint cColumn, int rows, int columns)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T> where TVectors : struct, ICount
    {
        if (columns == 6) Run<T, V, TVectors, Six>(x, taps, w, inner, bias, c, cColumn, rows);
        else if (columns == 5) Run<T, V, TVectors, Five>(x, taps, w, inner, bias, c, cColumn, rows);
        else if (columns == 4) Run<T, V, TVectors, Four>(x, taps, w, inner, bias, c, cColumn, rows);
        else if (columns == 3) Run<T, V, TVectors, Three>(x, taps, w, inner, bias, c, cColumn, rows);
        else if (columns == 2) Run<T, V, TVectors, Two>(x, taps, w, inner, bias, c, cColumn, rows);
        else Run<T, V, TVectors, One>(x, taps, w, inner, bias, c, cColumn, rows);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Run<T, V, TVectors, TColumns>(T* x, nint* taps, T* w, int inner, T* bias, T* c, nint cColumn, int rows)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T> where TVectors : struct, ICount where TColumns : struct, ICount
    {
        unchecked
        {
            V c0 = V.Zero, c1 = V.Zero, c2 = V.Zero, c3 = V.Zero, c4 = V.Zero, c5 = V.Zero;
            V d0 = V.Zero, d1 = V.Zero, d2 = V.Zero, d3 = V.Zero, d4 = V.Zero, d5 = V.Zero;
            if (bias != null)
            {
                c0 = d0 = V.Broadcast(bias[0]);
                if (TColumns.Value > 1) c1 = d1 = V.Broadcast(bias[1]);
                if (TColumns.Value > 2) c2 = d2 = V.Broadcast(bias[2]);
                if (TColumns.Value > 3) c3 = d3 = V.Broadcast(bias[3]);
                if (TColumns.Value > 4) c4 = d4 = V.Broadcast(bias[4]);
                if (TColumns.Value > 5) c5 = d5 = V.Broadcast(bias[5]);
            }
            else
            {
                Load(c, ref c0, ref d0, rows);
                if (TColumns.Value > 1) Load(c + cColumn, ref c1, ref d1, rows);
                if (TColumns.Value > 2) Load(c + 2 * cColumn, ref c2, ref d2, rows);
                if (TColumns.Value > 3) Load(c + 3 * cColumn, ref c3, ref d3, rows);
                if (TColumns.Value > 4) Load(c + 4 * cColumn, ref c4, ref d4, rows);
                if (TColumns.Value > 5) Load(c + 5 * cColumn, ref c5, ref d5, rows);
            }

            for (var end = taps + inner; taps < end; taps++, w += Columns)
            {
                var a = (T*)((byte*)x + *taps);
                V a0 = V.Load(a), a1 = TVectors.Value > 1 ? V.Load(a + V.Count) : V.Zero;
                var b = V.Broadcast(w[0]);
                c0 = V.MultiplyAdd(a0, b, c0);
                if (TVectors.Value > 1) d0 = V.MultiplyAdd(a1, b, d0);
                if (TColumns.Value > 1)
                {
                    b = V.Broadcast(w[1]);
                    c1 = V.MultiplyAdd(a0, b, c1);
                    if (TVectors.Value > 1) d1 = V.MultiplyAdd(a1, b, d1);
                }

                if (TColumns.Value > 2)
                {
                    b = V.Broadcast(w[2]);
                    c2 = V.MultiplyAdd(a0, b, c2);
                    if (TVectors.Value > 1) d2 = V.MultiplyAdd(a1, b, d2);
                }

                if (TColumns.Value > 3)
                {
                    b = V.Broadcast(w[3]);
                    c3 = V.MultiplyAdd(a0, b, c3);
                    if (TVectors.Value > 1) d3 = V.MultiplyAdd(a1, b, d3);
                }

                if (TColumns.Value > 4)
                {
                    b = V.Broadcast(w[4]);
                    c4 = V.MultiplyAdd(a0, b, c4);
                    if (TVectors.Value > 1) d4 = V.MultiplyAdd(a1, b, d4);
                }

                if (TColumns.Value > 5)
                {
                    b = V.Broadcast(w[5]);
                    c5 = V.MultiplyAdd(a0, b, c5);
                    if (TVectors.Value > 1) d5 = V.MultiplyAdd(a1, b, d5);
                }
            }

            Store(c, c0, d0, rows);
            if (TColumns.Value > 1) Store(c + cColumn, c1, d1, rows);
            if (TColumns.Value > 2) Store(c + 2 * cColumn, c2, d2, rows);
            if (TColumns.Value > 3) Store(c + 3 * cColumn, c3, d3, rows);
            if (TColumns.Value > 4) Store(c + 4 * cColumn, c4, d4, rows);
            if (TColumns.Value > 5) Store(c + 5 * cColumn, c5, d5, rows);

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            static void Load(T* from, ref V upper, ref V lower, int rows)
            {
                if (rows == TVectors.Value * V.Count)
                {
                    upper = V.Load(from);
                    if (TVectors.Value > 1) lower = V.Load(from + V.Count);
                    return;
                }

                upper = V.Load(from, Math.Min(rows, V.Count));
                if (TVectors.Value > 1) lower = V.Load(from + V.Count, rows - V.Count);
            }

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            static void Store(T* to, V upper, V lower, int rows)
            {
                if (rows == TVectors.Value * V.Count)
                {
                    upper.Store(to);
                    if (TVectors.Value > 1) lower.Store(to + V.Count);
                    return;
                }

                upper.Store(to, Math.Min(rows, V.Count));
                if (TVectors.Value > 1) lower.Store(to + V.Count, rows - V.Count);
            }
        }
    }
}

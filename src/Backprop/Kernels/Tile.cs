using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>The innermost kernel of a matrix product: a tile of C that stays in registers while A and B stream by.</summary>
/// <remarks>Two vectors by six columns are 12 accumulators; with two vectors of A and one of B they fill the 16 registers of AVX2. The kernels are never
/// inlined: within another method the compiler would spill them.</remarks>
internal static unsafe class Tile
{
    internal const int Columns = 6;

    /// <summary>C = start + A B with two vectors of rows and 1 to 6 columns; start may be C, or null for zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Run<T, V>(T* a, nint aColumn, T* b, nint bRow, nint bColumn, T* start, nint startColumn, T* c, nint cColumn, int inner, int columns)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        if (columns == 6) Full<T, V, Six>(a, aColumn, b, bRow, bColumn, start, startColumn, c, cColumn, inner);
        else if (columns == 5) Full<T, V, Five>(a, aColumn, b, bRow, bColumn, start, startColumn, c, cColumn, inner);
        else if (columns == 4) Full<T, V, Four>(a, aColumn, b, bRow, bColumn, start, startColumn, c, cColumn, inner);
        else if (columns == 3) Full<T, V, Three>(a, aColumn, b, bRow, bColumn, start, startColumn, c, cColumn, inner);
        else if (columns == 2) Full<T, V, Two>(a, aColumn, b, bRow, bColumn, start, startColumn, c, cColumn, inner);
        else Full<T, V, One>(a, aColumn, b, bRow, bColumn, start, startColumn, c, cColumn, inner);
    }

    /// <summary>
    /// The same at the last rows: one vector of them or two, of the last of which only <paramref name="height"/> are there.
    /// Of the first <paramref name="whole"/> columns of A whole vectors may be read.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void RunEdge<T, V, TVectors>(T* a, nint aColumn, T* b, nint bRow, nint bColumn, T* start, nint startColumn, T* c, nint cColumn, int height, int whole, int inner, int columns)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T> where TVectors : struct, ICount
    {
        if (columns == 6) Edge<T, V, TVectors, Six>(a, aColumn, b, bRow, bColumn, start, startColumn, c, cColumn, height, whole, inner);
        else if (columns == 4) Edge<T, V, TVectors, Four>(a, aColumn, b, bRow, bColumn, start, startColumn, c, cColumn, height, whole, inner);
        else if (columns == 2) Edge<T, V, TVectors, Two>(a, aColumn, b, bRow, bColumn, start, startColumn, c, cColumn, height, whole, inner);
        else Edge<T, V, TVectors, One>(a, aColumn, b, bRow, bColumn, start, startColumn, c, cColumn, height, whole, inner);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Full<T, V, TColumns>(T* a, nint aColumn, T* b, nint bRow, nint bColumn, T* start, nint startColumn, T* c, nint cColumn, int inner)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T> where TColumns : struct, ICount
    {
        unchecked
        {
            V c0 = V.Zero, c1 = V.Zero, c2 = V.Zero, c3 = V.Zero, c4 = V.Zero, c5 = V.Zero;
            V d0 = V.Zero, d1 = V.Zero, d2 = V.Zero, d3 = V.Zero, d4 = V.Zero, d5 = V.Zero;
            if (start != null)
            {
                (c0, d0) = (V.Load(start), V.Load(start + V.Count));
                if (TColumns.Value > 1) (c1, d1) = (V.Load(start + startColumn), V.Load(start + startColumn + V.Count));
                if (TColumns.Value > 2) (c2, d2) = (V.Load(start + 2 * startColumn), V.Load(start + 2 * startColumn + V.Count));
                if (TColumns.Value > 3) (c3, d3) = (V.Load(start + 3 * startColumn), V.Load(start + 3 * startColumn + V.Count));
                if (TColumns.Value > 4) (c4, d4) = (V.Load(start + 4 * startColumn), V.Load(start + 4 * startColumn + V.Count));
                if (TColumns.Value > 5) (c5, d5) = (V.Load(start + 5 * startColumn), V.Load(start + 5 * startColumn + V.Count));
            }

            // Offsets in bytes, so that each address is one addition.
            nint b1 = bColumn * sizeof(T), b2 = 2 * b1, b3 = 3 * b1, b4 = 4 * b1, b5 = 5 * b1;
            nint nextA = aColumn * sizeof(T), nextB = bRow * sizeof(T);
            byte* pa = (byte*)a, pb = (byte*)b;
            for (var p = inner; p > 0; p--, pa += nextA, pb += nextB)
            {
                V a0 = V.Load((T*)pa), a1 = V.Load((T*)pa + V.Count);
                var x = V.Broadcast(*(T*)pb);
                (c0, d0) = (V.MultiplyAdd(a0, x, c0), V.MultiplyAdd(a1, x, d0));
                if (TColumns.Value > 1)
                {
                    x = V.Broadcast(*(T*)(pb + b1));
                    (c1, d1) = (V.MultiplyAdd(a0, x, c1), V.MultiplyAdd(a1, x, d1));
                }

                if (TColumns.Value > 2)
                {
                    x = V.Broadcast(*(T*)(pb + b2));
                    (c2, d2) = (V.MultiplyAdd(a0, x, c2), V.MultiplyAdd(a1, x, d2));
                }

                if (TColumns.Value > 3)
                {
                    x = V.Broadcast(*(T*)(pb + b3));
                    (c3, d3) = (V.MultiplyAdd(a0, x, c3), V.MultiplyAdd(a1, x, d3));
                }

                if (TColumns.Value > 4)
                {
                    x = V.Broadcast(*(T*)(pb + b4));
                    (c4, d4) = (V.MultiplyAdd(a0, x, c4), V.MultiplyAdd(a1, x, d4));
                }

                if (TColumns.Value > 5)
                {
                    x = V.Broadcast(*(T*)(pb + b5));
                    (c5, d5) = (V.MultiplyAdd(a0, x, c5), V.MultiplyAdd(a1, x, d5));
                }
            }

            Store2(c, c0, d0);
            if (TColumns.Value > 1) Store2(c + cColumn, c1, d1);
            if (TColumns.Value > 2) Store2(c + 2 * cColumn, c2, d2);
            if (TColumns.Value > 3) Store2(c + 3 * cColumn, c3, d3);
            if (TColumns.Value > 4) Store2(c + 4 * cColumn, c4, d4);
            if (TColumns.Value > 5) Store2(c + 5 * cColumn, c5, d5);

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            static void Store2(T* to, V upper, V lower)
            {
                upper.Store(to);
                lower.Store(to + V.Count);
            }
        }
    }

    /// <summary>c = start + A b with eight vectors of rows, two in each of four panels: one column alone would leave most of the processor waiting.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static void Row<T, V>(T* a, nint aColumn, nint panel, T* b, nint bRow, T* start, T* c, int inner)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            V c0 = V.Zero, c1 = V.Zero, c2 = V.Zero, c3 = V.Zero, c4 = V.Zero, c5 = V.Zero, c6 = V.Zero, c7 = V.Zero;
            if (start != null)
            {
                (c0, c1, c2, c3) = (V.Load(start), V.Load(start + V.Count), V.Load(start + 2 * V.Count), V.Load(start + 3 * V.Count));
                (c4, c5, c6, c7) = (V.Load(start + 4 * V.Count), V.Load(start + 5 * V.Count), V.Load(start + 6 * V.Count), V.Load(start + 7 * V.Count));
            }

            nint nextA = aColumn * sizeof(T), nextB = bRow * sizeof(T);
            byte* p0 = (byte*)a, p1 = (byte*)(a + panel), p2 = (byte*)(a + 2 * panel), p3 = (byte*)(a + 3 * panel), pb = (byte*)b;
            for (var p = inner; p > 0; p--, p0 += nextA, p1 += nextA, p2 += nextA, p3 += nextA, pb += nextB)
            {
                var x = V.Broadcast(*(T*)pb);
                (c0, c1) = (V.MultiplyAdd(V.Load((T*)p0), x, c0), V.MultiplyAdd(V.Load((T*)p0 + V.Count), x, c1));
                (c2, c3) = (V.MultiplyAdd(V.Load((T*)p1), x, c2), V.MultiplyAdd(V.Load((T*)p1 + V.Count), x, c3));
                (c4, c5) = (V.MultiplyAdd(V.Load((T*)p2), x, c4), V.MultiplyAdd(V.Load((T*)p2 + V.Count), x, c5));
                (c6, c7) = (V.MultiplyAdd(V.Load((T*)p3), x, c6), V.MultiplyAdd(V.Load((T*)p3 + V.Count), x, c7));
            }

            c0.Store(c);
            c1.Store(c + V.Count);
            c2.Store(c + 2 * V.Count);
            c3.Store(c + 3 * V.Count);
            c4.Store(c + 4 * V.Count);
            c5.Store(c + 5 * V.Count);
            c6.Store(c + 6 * V.Count);
            c7.Store(c + 7 * V.Count);
        }
    }

    /// <summary>C = start + A B with four vectors of rows, two in each of two panels, and 1 to 3 columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Rows<T, V>(T* a, nint aColumn, nint panel, T* b, nint bRow, nint bColumn, T* start, nint startColumn, T* c, nint cColumn, int inner, int columns)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        if (columns == 3) TwoPanels<T, V, Three>(a, aColumn, panel, b, bRow, bColumn, start, startColumn, c, cColumn, inner);
        else if (columns == 2) TwoPanels<T, V, Two>(a, aColumn, panel, b, bRow, bColumn, start, startColumn, c, cColumn, inner);
        else TwoPanels<T, V, One>(a, aColumn, panel, b, bRow, bColumn, start, startColumn, c, cColumn, inner);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void TwoPanels<T, V, TColumns>(T* a, nint aColumn, nint panel, T* b, nint bRow, nint bColumn, T* start, nint startColumn, T* c, nint cColumn, int inner)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T> where TColumns : struct, ICount
    {
        unchecked
        {
            V c0 = V.Zero, c1 = V.Zero, c2 = V.Zero, c3 = V.Zero, d0 = V.Zero, d1 = V.Zero, d2 = V.Zero, d3 = V.Zero, e0 = V.Zero, e1 = V.Zero, e2 = V.Zero, e3 = V.Zero;
            T* d = start + startColumn, e = d + startColumn;
            if (start != null)
            {
                (c0, c1, c2, c3) = (V.Load(start), V.Load(start + V.Count), V.Load(start + 2 * V.Count), V.Load(start + 3 * V.Count));
                if (TColumns.Value > 1) (d0, d1, d2, d3) = (V.Load(d), V.Load(d + V.Count), V.Load(d + 2 * V.Count), V.Load(d + 3 * V.Count));
                if (TColumns.Value > 2) (e0, e1, e2, e3) = (V.Load(e), V.Load(e + V.Count), V.Load(e + 2 * V.Count), V.Load(e + 3 * V.Count));
            }

            d = c + cColumn;
            e = d + cColumn;
            nint b1 = bColumn * sizeof(T), b2 = 2 * b1, nextA = aColumn * sizeof(T), nextB = bRow * sizeof(T);
            byte* p0 = (byte*)a, p1 = (byte*)(a + panel), pb = (byte*)b;
            for (var p = inner; p > 0; p--, p0 += nextA, p1 += nextA, pb += nextB)
            {
                V x = V.Broadcast(*(T*)pb), y = TColumns.Value > 1 ? V.Broadcast(*(T*)(pb + b1)) : V.Zero, z = TColumns.Value > 2 ? V.Broadcast(*(T*)(pb + b2)) : V.Zero;
                var a0 = V.Load((T*)p0);
                c0 = V.MultiplyAdd(a0, x, c0);
                if (TColumns.Value > 1) d0 = V.MultiplyAdd(a0, y, d0);
                if (TColumns.Value > 2) e0 = V.MultiplyAdd(a0, z, e0);
                a0 = V.Load((T*)p0 + V.Count);
                c1 = V.MultiplyAdd(a0, x, c1);
                if (TColumns.Value > 1) d1 = V.MultiplyAdd(a0, y, d1);
                if (TColumns.Value > 2) e1 = V.MultiplyAdd(a0, z, e1);
                a0 = V.Load((T*)p1);
                c2 = V.MultiplyAdd(a0, x, c2);
                if (TColumns.Value > 1) d2 = V.MultiplyAdd(a0, y, d2);
                if (TColumns.Value > 2) e2 = V.MultiplyAdd(a0, z, e2);
                a0 = V.Load((T*)p1 + V.Count);
                c3 = V.MultiplyAdd(a0, x, c3);
                if (TColumns.Value > 1) d3 = V.MultiplyAdd(a0, y, d3);
                if (TColumns.Value > 2) e3 = V.MultiplyAdd(a0, z, e3);
            }

            Store4(c, c0, c1, c2, c3);
            if (TColumns.Value > 1) Store4(d, d0, d1, d2, d3);
            if (TColumns.Value > 2) Store4(e, e0, e1, e2, e3);

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            static void Store4(T* to, V first, V second, V third, V fourth)
            {
                first.Store(to);
                second.Store(to + V.Count);
                third.Store(to + 2 * V.Count);
                fourth.Store(to + 3 * V.Count);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Edge<T, V, TVectors, TColumns>(T* a, nint aColumn, T* b, nint bRow, nint bColumn, T* start, nint startColumn, T* c, nint cColumn, int height, int whole, int inner)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T> where TVectors : struct, ICount where TColumns : struct, ICount
    {
        unchecked
        {
            // The d are the last rows; with two vectors, the c are those before.
            V c0 = V.Zero, c1 = V.Zero, c2 = V.Zero, c3 = V.Zero, c4 = V.Zero, c5 = V.Zero;
            V d0 = V.Zero, d1 = V.Zero, d2 = V.Zero, d3 = V.Zero, d4 = V.Zero, d5 = V.Zero;
            if (start != null)
            {
                Load(start, ref c0, ref d0, height);
                if (TColumns.Value > 1) Load(start + startColumn, ref c1, ref d1, height);
                if (TColumns.Value > 2) Load(start + 2 * startColumn, ref c2, ref d2, height);
                if (TColumns.Value > 2) Load(start + 3 * startColumn, ref c3, ref d3, height);
                if (TColumns.Value > 4) Load(start + 4 * startColumn, ref c4, ref d4, height);
                if (TColumns.Value > 4) Load(start + 5 * startColumn, ref c5, ref d5, height);
            }

            nint b1 = bColumn * sizeof(T), b2 = 2 * b1, b3 = 3 * b1, b4 = 4 * b1, b5 = 5 * b1;
            nint nextA = aColumn * sizeof(T), nextB = bRow * sizeof(T);
            byte* pa = (byte*)a, pb = (byte*)b;
            for (var p = 0; p < inner; p++, pa += nextA, pb += nextB)
            {
                var last = (T*)pa + (TVectors.Value > 1 ? V.Count : 0);
                V a0 = TVectors.Value > 1 ? V.Load((T*)pa) : V.Zero, a1 = p < whole ? V.Load(last) : V.Load(last, height);
                var x = V.Broadcast(*(T*)pb);
                if (TVectors.Value > 1) c0 = V.MultiplyAdd(a0, x, c0);
                d0 = V.MultiplyAdd(a1, x, d0);
                if (TColumns.Value > 1)
                {
                    x = V.Broadcast(*(T*)(pb + b1));
                    if (TVectors.Value > 1) c1 = V.MultiplyAdd(a0, x, c1);
                    d1 = V.MultiplyAdd(a1, x, d1);
                }

                if (TColumns.Value > 2)
                {
                    x = V.Broadcast(*(T*)(pb + b2));
                    if (TVectors.Value > 1) c2 = V.MultiplyAdd(a0, x, c2);
                    d2 = V.MultiplyAdd(a1, x, d2);
                    x = V.Broadcast(*(T*)(pb + b3));
                    if (TVectors.Value > 1) c3 = V.MultiplyAdd(a0, x, c3);
                    d3 = V.MultiplyAdd(a1, x, d3);
                }

                if (TColumns.Value > 4)
                {
                    x = V.Broadcast(*(T*)(pb + b4));
                    if (TVectors.Value > 1) c4 = V.MultiplyAdd(a0, x, c4);
                    d4 = V.MultiplyAdd(a1, x, d4);
                    x = V.Broadcast(*(T*)(pb + b5));
                    if (TVectors.Value > 1) c5 = V.MultiplyAdd(a0, x, c5);
                    d5 = V.MultiplyAdd(a1, x, d5);
                }
            }

            Store(c, c0, d0, height);
            if (TColumns.Value > 1) Store(c + cColumn, c1, d1, height);
            if (TColumns.Value > 2) Store(c + 2 * cColumn, c2, d2, height);
            if (TColumns.Value > 2) Store(c + 3 * cColumn, c3, d3, height);
            if (TColumns.Value > 4) Store(c + 4 * cColumn, c4, d4, height);
            if (TColumns.Value > 4) Store(c + 5 * cColumn, c5, d5, height);

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            static void Load(T* from, ref V upper, ref V lower, int height)
            {
                if (TVectors.Value > 1) upper = V.Load(from);
                lower = V.Load(from + (TVectors.Value > 1 ? V.Count : 0), height);
            }

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            static void Store(T* to, V upper, V lower, int height)
            {
                if (TVectors.Value > 1) upper.Store(to);
                lower.Store(to + (TVectors.Value > 1 ? V.Count : 0), height);
            }
        }
    }
}

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

    /// <summary>C = A B or C += A B with two vectors of rows and 1, 2, 4 or 6 columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Run<T, V>(T* a, nint aColumn, T* b, nint bRow, nint bColumn, T* c, nint cColumn, int inner, int columns, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        if (columns == 6) Full<T, V, Six>(a, aColumn, b, bRow, bColumn, c, cColumn, inner, accumulate);
        else if (columns == 4) Full<T, V, Four>(a, aColumn, b, bRow, bColumn, c, cColumn, inner, accumulate);
        else if (columns == 2) Full<T, V, Two>(a, aColumn, b, bRow, bColumn, c, cColumn, inner, accumulate);
        else Full<T, V, One>(a, aColumn, b, bRow, bColumn, c, cColumn, inner, accumulate);
    }

    /// <summary>
    /// The same at the last rows: one vector of them or two, of the last of which only <paramref name="height"/> are there.
    /// Of the first <paramref name="whole"/> columns of A whole vectors may be read.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void RunEdge<T, V, TVectors>(T* a, nint aColumn, T* b, nint bRow, nint bColumn, T* c, nint cColumn, int height, int whole, int inner, int columns, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T> where TVectors : struct, ICount
    {
        if (columns == 6) Edge<T, V, TVectors, Six>(a, aColumn, b, bRow, bColumn, c, cColumn, height, whole, inner, accumulate);
        else if (columns == 4) Edge<T, V, TVectors, Four>(a, aColumn, b, bRow, bColumn, c, cColumn, height, whole, inner, accumulate);
        else if (columns == 2) Edge<T, V, TVectors, Two>(a, aColumn, b, bRow, bColumn, c, cColumn, height, whole, inner, accumulate);
        else Edge<T, V, TVectors, One>(a, aColumn, b, bRow, bColumn, c, cColumn, height, whole, inner, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Full<T, V, TColumns>(T* a, nint aColumn, T* b, nint bRow, nint bColumn, T* c, nint cColumn, int inner, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T> where TColumns : struct, ICount
    {
        unchecked
        {
            V c0 = V.Zero, c1 = V.Zero, c2 = V.Zero, c3 = V.Zero, c4 = V.Zero, c5 = V.Zero;
            V d0 = V.Zero, d1 = V.Zero, d2 = V.Zero, d3 = V.Zero, d4 = V.Zero, d5 = V.Zero;
            if (accumulate)
            {
                (c0, d0) = (V.Load(c), V.Load(c + V.Count));
                if (TColumns.Value > 1) (c1, d1) = (V.Load(c + cColumn), V.Load(c + cColumn + V.Count));
                if (TColumns.Value > 2) (c2, d2) = (V.Load(c + 2 * cColumn), V.Load(c + 2 * cColumn + V.Count));
                if (TColumns.Value > 2) (c3, d3) = (V.Load(c + 3 * cColumn), V.Load(c + 3 * cColumn + V.Count));
                if (TColumns.Value > 4) (c4, d4) = (V.Load(c + 4 * cColumn), V.Load(c + 4 * cColumn + V.Count));
                if (TColumns.Value > 4) (c5, d5) = (V.Load(c + 5 * cColumn), V.Load(c + 5 * cColumn + V.Count));
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
                    x = V.Broadcast(*(T*)(pb + b3));
                    (c3, d3) = (V.MultiplyAdd(a0, x, c3), V.MultiplyAdd(a1, x, d3));
                }

                if (TColumns.Value > 4)
                {
                    x = V.Broadcast(*(T*)(pb + b4));
                    (c4, d4) = (V.MultiplyAdd(a0, x, c4), V.MultiplyAdd(a1, x, d4));
                    x = V.Broadcast(*(T*)(pb + b5));
                    (c5, d5) = (V.MultiplyAdd(a0, x, c5), V.MultiplyAdd(a1, x, d5));
                }
            }

            Store2(c, c0, d0);
            if (TColumns.Value > 1) Store2(c + cColumn, c1, d1);
            if (TColumns.Value > 2) Store2(c + 2 * cColumn, c2, d2);
            if (TColumns.Value > 2) Store2(c + 3 * cColumn, c3, d3);
            if (TColumns.Value > 4) Store2(c + 4 * cColumn, c4, d4);
            if (TColumns.Value > 4) Store2(c + 5 * cColumn, c5, d5);

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            static void Store2(T* to, V upper, V lower)
            {
                upper.Store(to);
                lower.Store(to + V.Count);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Edge<T, V, TVectors, TColumns>(T* a, nint aColumn, T* b, nint bRow, nint bColumn, T* c, nint cColumn, int height, int whole, int inner, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T> where TVectors : struct, ICount where TColumns : struct, ICount
    {
        unchecked
        {
            // The d are the last rows; with two vectors, the c are those before.
            V c0 = V.Zero, c1 = V.Zero, c2 = V.Zero, c3 = V.Zero, c4 = V.Zero, c5 = V.Zero;
            V d0 = V.Zero, d1 = V.Zero, d2 = V.Zero, d3 = V.Zero, d4 = V.Zero, d5 = V.Zero;
            if (accumulate)
            {
                Load(c, ref c0, ref d0, height);
                if (TColumns.Value > 1) Load(c + cColumn, ref c1, ref d1, height);
                if (TColumns.Value > 2) Load(c + 2 * cColumn, ref c2, ref d2, height);
                if (TColumns.Value > 2) Load(c + 3 * cColumn, ref c3, ref d3, height);
                if (TColumns.Value > 4) Load(c + 4 * cColumn, ref c4, ref d4, height);
                if (TColumns.Value > 4) Load(c + 5 * cColumn, ref c5, ref d5, height);
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

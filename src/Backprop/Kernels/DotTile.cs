using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>The innermost kernel of a convolution's weight gradient: dot products of rows of dY with rows of the image, up to two of those with three of these at a time.</summary>
/// <remarks>A dot product is 64 bytes of partial sums that are added by halves in the end, whatever the vector width; see <see cref="PartialSums{T, V}"/>.</remarks>
internal static unsafe class DotTile
{
    internal const int Outputs = 2, Taps = 3;

    /// <summary>dw(o, k) += Σ_p Σ_i dY[o Output + p Row + i] x[taps k + p RowOfX + i].</summary>
    internal struct Block<T> where T : unmanaged
    {
        public T* DY, X, DW;
        public nint* Offsets;
        public nint Output, Row, RowOfX, OutputOfDW, TapOfDW;
        public int Rows, Length;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Run<T, V>(in Block<T> block, int outputs, int taps)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        if (sizeof(V) < 32)
        {
            for (var o = 0; o < outputs; o = unchecked(o + 1))
                for (var k = 0; k < taps; k = unchecked(k + 1)) Narrow<T, V>(block, o, k);
        }
        else if (outputs == 2)
        {
            if (taps == 3) Run<T, V, Two, Three>(block);
            else if (taps == 2) Run<T, V, Two, Two>(block);
            else Run<T, V, Two, One>(block);
        }
        else
        {
            if (taps == 3) Run<T, V, One, Three>(block);
            else if (taps == 2) Run<T, V, One, Two>(block);
            else Run<T, V, One, One>(block);
        }
    }

    // Accumulators c and d belong to the first and the second output, 0 to 2 to the taps; h is the second half of 64 bytes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Run<T, V, TOutputs, TTaps>(in Block<T> block)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T> where TOutputs : struct, ICount where TTaps : struct, ICount
    {
        unchecked
        {
            V c0 = V.Zero, c1 = V.Zero, c2 = V.Zero, d0 = V.Zero, d1 = V.Zero, d2 = V.Zero;
            V c0h = V.Zero, c1h = V.Zero, c2h = V.Zero, d0h = V.Zero, d1h = V.Zero, d2h = V.Zero;
            var lanes = 64 / sizeof(T);
            nint first = block.Offsets[0], second = TTaps.Value > 1 ? block.Offsets[1] : 0, third = TTaps.Value > 2 ? block.Offsets[2] : 0;
            T* y = block.DY, x = block.X;
            for (var p = block.Rows; p > 0; p--, y += block.Row, x += block.RowOfX)
            {
                T* y0 = y, y1 = y + block.Output, x0 = (T*)((byte*)x + first), x1 = (T*)((byte*)x + second), x2 = (T*)((byte*)x + third);
                nint i = 0;
                for (; i + lanes <= block.Length; i += lanes)
                {
                    V a = V.Load(x0 + i), b = TTaps.Value > 1 ? V.Load(x1 + i) : V.Zero, c = TTaps.Value > 2 ? V.Load(x2 + i) : V.Zero;
                    var dy = V.Load(y0 + i);
                    c0 = V.MultiplyAdd(dy, a, c0);
                    if (TTaps.Value > 1) c1 = V.MultiplyAdd(dy, b, c1);
                    if (TTaps.Value > 2) c2 = V.MultiplyAdd(dy, c, c2);
                    if (TOutputs.Value > 1)
                    {
                        dy = V.Load(y1 + i);
                        d0 = V.MultiplyAdd(dy, a, d0);
                        if (TTaps.Value > 1) d1 = V.MultiplyAdd(dy, b, d1);
                        if (TTaps.Value > 2) d2 = V.MultiplyAdd(dy, c, d2);
                    }

                    if (sizeof(V) == 64) continue;
                    var h = i + V.Count;
                    a = V.Load(x0 + h);
                    if (TTaps.Value > 1) b = V.Load(x1 + h);
                    if (TTaps.Value > 2) c = V.Load(x2 + h);
                    dy = V.Load(y0 + h);
                    c0h = V.MultiplyAdd(dy, a, c0h);
                    if (TTaps.Value > 1) c1h = V.MultiplyAdd(dy, b, c1h);
                    if (TTaps.Value > 2) c2h = V.MultiplyAdd(dy, c, c2h);
                    if (TOutputs.Value > 1)
                    {
                        dy = V.Load(y1 + h);
                        d0h = V.MultiplyAdd(dy, a, d0h);
                        if (TTaps.Value > 1) d1h = V.MultiplyAdd(dy, b, d1h);
                        if (TTaps.Value > 2) d2h = V.MultiplyAdd(dy, c, d2h);
                    }
                }

                var left = (int)(block.Length - i);
                if (left == 0) continue;
                {
                    // Beyond the end x may hold anything: both are masked.
                    var count = Math.Min(left, V.Count);
                    V a = V.Load(x0 + i, count), b = TTaps.Value > 1 ? V.Load(x1 + i, count) : V.Zero, c = TTaps.Value > 2 ? V.Load(x2 + i, count) : V.Zero;
                    var dy = V.Load(y0 + i, count);
                    c0 = V.MultiplyAdd(dy, a, c0);
                    if (TTaps.Value > 1) c1 = V.MultiplyAdd(dy, b, c1);
                    if (TTaps.Value > 2) c2 = V.MultiplyAdd(dy, c, c2);
                    if (TOutputs.Value > 1)
                    {
                        dy = V.Load(y1 + i, count);
                        d0 = V.MultiplyAdd(dy, a, d0);
                        if (TTaps.Value > 1) d1 = V.MultiplyAdd(dy, b, d1);
                        if (TTaps.Value > 2) d2 = V.MultiplyAdd(dy, c, d2);
                    }

                    if (left <= V.Count) continue;
                    count = left - V.Count;
                    i += V.Count;
                    a = V.Load(x0 + i, count);
                    if (TTaps.Value > 1) b = V.Load(x1 + i, count);
                    if (TTaps.Value > 2) c = V.Load(x2 + i, count);
                    dy = V.Load(y0 + i, count);
                    c0h = V.MultiplyAdd(dy, a, c0h);
                    if (TTaps.Value > 1) c1h = V.MultiplyAdd(dy, b, c1h);
                    if (TTaps.Value > 2) c2h = V.MultiplyAdd(dy, c, c2h);
                    if (TOutputs.Value > 1)
                    {
                        dy = V.Load(y1 + i, count);
                        d0h = V.MultiplyAdd(dy, a, d0h);
                        if (TTaps.Value > 1) d1h = V.MultiplyAdd(dy, b, d1h);
                        if (TTaps.Value > 2) d2h = V.MultiplyAdd(dy, c, d2h);
                    }
                }
            }

            var dw = block.DW;
            dw[0] += V.Sum(c0 + c0h);
            if (TTaps.Value > 1) dw[block.TapOfDW] += V.Sum(c1 + c1h);
            if (TTaps.Value > 2) dw[2 * block.TapOfDW] += V.Sum(c2 + c2h);
            if (TOutputs.Value == 1) return;
            dw += block.OutputOfDW;
            dw[0] += V.Sum(d0 + d0h);
            if (TTaps.Value > 1) dw[block.TapOfDW] += V.Sum(d1 + d1h);
            if (TTaps.Value > 2) dw[2 * block.TapOfDW] += V.Sum(d2 + d2h);
        }
    }

    /// <summary>One of them, with vectors of 16 bytes: four make up the partial sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Narrow<T, V>(in Block<T> block, int o, int k)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;
            T* y = block.DY + o * block.Output, x = (T*)((byte*)block.X + block.Offsets[k]);
            for (var p = block.Rows; p > 0; p--, y += block.Row, x += block.RowOfX)
            {
                for (nint i = 0; i < block.Length; i += 4 * V.Count)
                {
                    var left = block.Length - i;
                    s0 = V.MultiplyAdd(Ends.Load<T, V>(y + i, left), Ends.Load<T, V>(x + i, left), s0);
                    if (left > V.Count) s1 = V.MultiplyAdd(Ends.Load<T, V>(y + i + V.Count, left - V.Count), Ends.Load<T, V>(x + i + V.Count, left - V.Count), s1);
                    if (left > 2 * V.Count) s2 = V.MultiplyAdd(Ends.Load<T, V>(y + i + 2 * V.Count, left - 2 * V.Count), Ends.Load<T, V>(x + i + 2 * V.Count, left - 2 * V.Count), s2);
                    if (left > 3 * V.Count) s3 = V.MultiplyAdd(Ends.Load<T, V>(y + i + 3 * V.Count, left - 3 * V.Count), Ends.Load<T, V>(x + i + 3 * V.Count, left - 3 * V.Count), s3);
                }
            }

            block.DW[o * block.OutputOfDW + k * block.TapOfDW] += V.Sum((s0 + s2) + (s1 + s3));
        }
    }
}

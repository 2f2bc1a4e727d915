using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Backprop.Kernels;

internal static unsafe class Transpose
{
    private const int Line = 64;

    /// <summary>Copies a matrix into one that may lie the other way: columns one after the other into rows one after the other, or back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining), SkipLocalsInit]
    internal static void Copy<T>(Strided<T> from, Strided<T> to, int rows, int columns) where T : unmanaged
    {
        unchecked
        {
            // Seen so that the entries of a line of the source lie side by side.
            if (from.Column != 1) (from, to, rows, columns) = (new(from.Start, from.Column, from.Row), new(to.Start, to.Column, to.Row), columns, rows);
            var i = 0;
            if (from.Column == 1 && to.Column == 1)
            {
                for (; i < rows; i++) new ReadOnlySpan<T>(from.At(i, 0), columns).CopyTo(new(to.At(i, 0), columns));
            }
            else if (from.Column == 1 && to.Row == 1)
            {
                // Lines of the cache that are kilobytes apart get in each other's way: each is met once, whole.
                var line = Line / sizeof(T);
                Unsafe.SkipInit(out Square room);
                var block = (T*)&room;
                for (; i + line <= rows && columns >= line; i += line)
                {
                    T* r = from.At(i, 0), t = to.At(i, 0);
                    var j = 0;
                    for (; j + line <= columns; j += line)
                    {
                        for (var ii = 0; ii < line; ii += 4)
                        {
                            var r0 = r + ii * from.Row + j;
                            for (var jj = 0; jj < line; jj += 4) FourByFour(r0 + jj, r0 + from.Row + jj, r0 + 2 * from.Row + jj, r0 + 3 * from.Row + jj, block + jj * line + ii, line);
                        }

                        for (var jj = 0; jj < line; jj++) Unsafe.CopyBlockUnaligned(t + (j + jj) * to.Column, block + jj * line, Line);
                    }

                    for (var ii = 0; ii < line; ii += 4) FourRows(r + ii * from.Row, from.Row, t + ii, to.Column, j, columns);
                }

                for (; i + 4 <= rows; i += 4) FourRows(from.At(i, 0), from.Row, to.At(i, 0), to.Column, 0, columns);
            }

            for (; i < rows; i++)
                for (var j = 0; j < columns; j++) *to.At(i, j) = *from.At(i, j);
        }
    }

    /// <summary>Room for as many lines as a line has entries, of whatever type.</summary>
    [StructLayout(LayoutKind.Sequential, Size = Line * Line)]
    private readonly struct Square;

    /// <summary>Four rows become four columns, from <paramref name="j"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FourRows<T>(T* r, nint row, T* t, nint column, int j, int columns) where T : unmanaged
    {
        unchecked
        {
            for (; j + 4 <= columns; j += 4) FourByFour(r + j, r + row + j, r + 2 * row + j, r + 3 * row + j, t + j * column, column);
            for (; j < columns; j++)
                for (var ii = 0; ii < 4; ii++) t[ii + j * column] = r[ii * row + j];
        }
    }

    /// <summary>Four rows of four entries become the rows of <paramref name="to"/>, which are <paramref name="stride"/> entries apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void FourByFour<T>(T* r0, T* r1, T* r2, T* r3, T* to, nint stride) where T : unmanaged
    {
        unchecked
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
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TwoByTwo(double* r0, double* r1, double* to, nint stride)
    {
        unchecked
        {
            Vector128<double> a = Vector128.Load(r0), b = Vector128.Load(r1);
            Sse2.UnpackLow(a, b).Store(to);
            Sse2.UnpackHigh(a, b).Store(to + stride);
        }
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Backprop.Kernels;

internal static unsafe class Transpose
{
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

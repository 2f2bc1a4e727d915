using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>Applies a function to every element of one, two or three spans of equal length.</summary>
/// <remarks>
/// The result may be one of the inputs; other overlaps are the caller's to refuse. Each element is computed by the same vector
/// instructions wherever it lies: the last, partly filled vector overlaps its predecessor, and a span shorter than a vector is
/// padded with zeros. So the same numbers give the same bits at each position, in each length.
/// <para>Not to be inlined: optimized anew within its caller, a long function would exceed what the compiler inlines, and fall apart into calls.</para>
/// </remarks>
[SkipLocalsInit]
internal static unsafe class Elementwise
{
    /// <summary><c>result[i] = f(x[i])</c></summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Map<T, TFunction>(TFunction f, ReadOnlySpan<T> x, Span<T> result)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TFunction : struct, IUnary<T>
    {
        Lengths.MustAgree(x.Length, result.Length);
        fixed (T* px = x, pResult = result)
        {
            var kernel = new MapKernel<T, Unary<T, TFunction>>(new(f, px), pResult, x.Length);
            Dispatch.Run<T, MapKernel<T, Unary<T, TFunction>>>(ref kernel);
        }
    }

    /// <summary><c>result[i] = f(x[i], y[i])</c></summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Map<T, TFunction>(TFunction f, ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> result)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TFunction : struct, IBinary<T>
    {
        Lengths.MustAgree(x.Length, y.Length, result.Length);
        fixed (T* px = x, py = y, pResult = result)
        {
            var kernel = new MapKernel<T, Binary<T, TFunction>>(new(f, px, py), pResult, x.Length);
            Dispatch.Run<T, MapKernel<T, Binary<T, TFunction>>>(ref kernel);
        }
    }

    /// <summary><c>result[i] = f(x[i], y[i], z[i])</c></summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Map<T, TFunction>(TFunction f, ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> z, Span<T> result)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TFunction : struct, ITernary<T>
    {
        Lengths.MustAgree(x.Length, y.Length, z.Length, result.Length);
        fixed (T* px = x, py = y, pz = z, pResult = result)
        {
            var kernel = new MapKernel<T, Ternary<T, TFunction>>(new(f, px, py, pz), pResult, x.Length);
            Dispatch.Run<T, MapKernel<T, Ternary<T, TFunction>>>(ref kernel);
        }
    }

    private readonly struct MapKernel<T, TOperation>(TOperation operation, T* result, int length) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
        where TOperation : struct, IOperation<T>
    {
        // The function stands here once, not once for the loop and again for its end: it may be long, and is compiled at first use. Where it is too long to be inlined, this is optimized at once all the same.
        [MethodImpl(MethodImplOptions.AggressiveInlining | MethodImplOptions.AggressiveOptimization)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                int last = length - V.Count;
                Inputs<V> end = last >= 0 ? operation.Load<V>(last) : operation.Load<V>(0, length);
                for (int i = 0; ; i += V.Count)
                {
                    V value = operation.Invoke(i < last ? operation.Load<V>(i) : end);
                    if (i < last)
                    {
                        value.Store(result + i);
                        continue;
                    }

                    if (last >= 0) value.Store(result + last);
                    else value.Store(result, length);
                    return;
                }
            }
        }
    }
}

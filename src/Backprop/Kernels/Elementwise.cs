using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop.Kernels;

internal interface IUnary<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    V Invoke<V>(V x) where V : unmanaged, ISimd<V, T>;
}

[SkipLocalsInit]
internal static unsafe class Elementwise
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Map<T, TOp>(TOp op, ReadOnlySpan<T> x, Span<T> result)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TOp : struct, IUnary<T>
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(result.Length, x.Length);
        fixed (T* px = x, pResult = result)
        {
            var kernel = new UnaryKernel<T, TOp>(op, px, pResult, x.Length);
            Simd.Run<T, UnaryKernel<T, TOp>>(ref kernel);
        }
    }

    private readonly struct UnaryKernel<T, TOp>(TOp op, T* x, T* result, int length) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
        where TOp : struct, IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            int last = length - V.Count;
            V tail = last >= 0 ? V.Load(x + last) : V.Load(x, length);
            for (int i = 0; ; i += V.Count)
            {
                V y = op.Invoke(i < last ? V.Load(x + i) : tail);
                if (i < last) y.Store(result + i);
                else
                {
                    if (last >= 0) y.Store(result + last); else y.Store(result, length);
                    break;
                }
            }
        }
    }
}

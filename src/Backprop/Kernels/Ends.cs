using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>Vectors at the end of a column, where fewer elements are left than a vector has lanes.</summary>
internal static unsafe class Ends
{
    /// <summary>Runs a kernel whose columns have so many rows: short columns want narrow vectors. Partial sums want vectors at all, if need be in software.</summary>
    public static void Run<T, TKernel>(ref TKernel kernel, int rows)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TKernel : struct, ISimdKernel<T>
    {
        if ((long)rows * sizeof(T) <= 16 || Dispatch.Bytes < 16) kernel.Run<Simd128<T>>();
        else if ((long)rows * sizeof(T) <= 32 && Dispatch.Bytes > 32) kernel.Run<Simd256<T>>();
        else Dispatch.Run<T, TKernel>(ref kernel);
    }

    /// <summary>A vector, or the elements that are left and zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<T, V>(T* source, nint left)
        where T : unmanaged, IFloatingPointIeee754<T>
        where V : unmanaged, ISimd<V, T> => left >= V.Count ? V.Load(source) : V.Load(source, (int)left);

    /// <summary>Writes a vector, or as many lanes as elements are left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T, V>(V value, T* destination, nint left)
        where T : unmanaged, IFloatingPointIeee754<T>
        where V : unmanaged, ISimd<V, T>
    {
        if (left >= V.Count) value.Store(destination);
        else value.Store(destination, (int)left);
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop.Kernels;

/// <summary>A sum of vectors, element after element, in an order that is the same for each vector width.</summary>
/// <remarks>
/// There are 64 bytes of partial sums, so 1, 2 or 4 vectors of them, which take turns: the first gets the next vector and goes to the end of the
/// queue. In the end the partial sums are added by halves. How far the queue has turned by then does not matter, since its halves are added.
/// </remarks>
internal unsafe struct PartialSums<T, V>
    where T : unmanaged, IFloatingPointIeee754<T>
    where V : unmanaged, ISimd<V, T>
{
    private V _a, _b, _c, _d;

    /// <summary>The sum of all that was added.</summary>
    public readonly T Total
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => V.Sum(sizeof(V) == 64 ? _a : sizeof(V) == 32 ? _a + _b : (_a + _c) + (_b + _d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(V value)
    {
        if (sizeof(V) == 64) _a += value;
        else if (sizeof(V) == 32) (_a, _b) = (_b, _a + value);
        else (_a, _b, _c, _d) = (_b, _c, _d, _a + value);
    }
}

/// <summary>Vectors at the end of a column, where fewer elements are left than a vector has lanes.</summary>
internal static unsafe class Ends
{
    /// <summary>Runs a kernel whose columns have so many rows: short columns want narrow vectors. Partial sums want vectors at all, if need be in software.</summary>
    public static void Run<T, TKernel>(ref TKernel kernel, int rows)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TKernel : struct, ISimdKernel<T>
    {
        if ((long)rows * sizeof(T) <= 16 || Simd.Bytes < 16) kernel.Run<Simd128<T>>();
        else if ((long)rows * sizeof(T) <= 32 && Simd.Bytes > 32) kernel.Run<Simd256<T>>();
        else Simd.Run<T, TKernel>(ref kernel);
    }

    /// <summary>A vector, or the elements that are left and zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<T, V>(T* source, int left)
        where T : unmanaged, IFloatingPointIeee754<T>
        where V : unmanaged, ISimd<V, T> => left >= V.Count ? V.Load(source) : V.Load(source, left);

    /// <summary>Writes a vector, or as many lanes as elements are left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T, V>(V value, T* destination, int left)
        where T : unmanaged, IFloatingPointIeee754<T>
        where V : unmanaged, ISimd<V, T>
    {
        if (left >= V.Count) value.Store(destination);
        else value.Store(destination, left);
    }
}

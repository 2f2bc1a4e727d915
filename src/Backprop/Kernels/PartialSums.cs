using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Simd;

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

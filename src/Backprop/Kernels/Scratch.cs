using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Backprop.Kernels;

/// <summary>Memory that a thread keeps for packed blocks; aligned to cache lines, grown as needed.</summary>
internal static unsafe class Scratch<T> where T : unmanaged
{
    [ThreadStatic] private static T[]? _a, _b, _c;

    public static T* A(int count) => Aligned(ref _a, count);

    public static T* B(int count) => Aligned(ref _b, count);

    /// <summary>For a kernel that calls the products, which have the other two.</summary>
    public static T* C(int count) => Aligned(ref _c, count);

    private static T* Aligned(ref T[]? array, int count)
    {
        unchecked
        {
            const int Line = 64;
            if (array is null || array.Length - Line < count) array = GC.AllocateUninitializedArray<T>(count + Line, pinned: true);
            var start = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(array));
            return (T*)((start + Line - 1) & -Line);
        }
    }
}

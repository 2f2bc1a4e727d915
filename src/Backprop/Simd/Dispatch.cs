using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Backprop.Simd;

/// <summary>The one place where the vector width is chosen.</summary>
internal static class Dispatch
{
    /// <summary>Bytes in the widest vector the hardware runs at full speed; a constant to the compiler. Below 16, there are none: as in the browser, whose interpreter makes a call of
    /// each operation of a vector, and is seven times as fast with plain numbers.</summary>
    public static int Bytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => OperatingSystem.IsBrowser() ? 0 : Vector512.IsHardwareAccelerated ? 64 : Vector256.IsHardwareAccelerated ? 32 : Vector128.IsHardwareAccelerated ? 16 : 0;
    }

    /// <summary>Runs the kernel at that width. The other widths are never compiled.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<T, TKernel>(ref TKernel kernel)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TKernel : struct, ISimdKernel<T>
    {
        if (OperatingSystem.IsBrowser()) kernel.Run<Scalar<T>>();
        else if (Vector512.IsHardwareAccelerated) kernel.Run<Simd512<T>>();
        else if (Vector256.IsHardwareAccelerated) kernel.Run<Simd256<T>>();
        else if (Vector128.IsHardwareAccelerated) kernel.Run<Simd128<T>>();
        else kernel.Run<Scalar<T>>();
    }
}

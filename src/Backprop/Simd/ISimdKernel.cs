using System.Numerics;

namespace Backprop.Simd;

/// <summary>A kernel to be run at the width of this machine: a struct that holds its arguments.</summary>
/// <remarks>
/// Give <c>Run</c> either <c>AggressiveInlining</c>, in which case the method that calls <see cref="Dispatch.Run"/> needs
/// <c>AggressiveOptimization</c>, or that itself: a loop that waits for tiered compilation runs ten times slower for its first calls.
/// </remarks>
internal interface ISimdKernel<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The kernel's body, for vectors of type <typeparamref name="V"/>.</summary>
    void Run<V>() where V : unmanaged, ISimd<V, T>;
}

using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

internal static class Allocation
{
    /// <summary>Bytes that a forward and a backward pass take from the heap once the pass has been used: the least of three counts.</summary>
    public static long Of<T>(Layer<T> layer, Matrix<T> x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var pass = layer.NewPass();
        var dY = layer.Forward(x, pass).Clone();
        var least = long.MaxValue;
        for (var attempt = 0; attempt < 4; attempt++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            layer.Forward(x, pass);
            layer.Backward(pass, dY);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}

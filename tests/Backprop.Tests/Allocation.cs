using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

internal static class Allocation
{
    /// <summary>Bytes that a forward and a backward pass take from the heap once the pass has been used.</summary>
    public static long Of<T>(Layer<T> layer, Matrix<T> x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var pass = layer.NewPass();
        var dY = layer.Forward(x, pass).Clone();
        return Least(() =>
        {
            layer.Forward(x, pass);
            layer.Backward(pass, dY);
        });
    }

    /// <summary>Bytes that a step takes from the heap, the least of a few counts: now and then the runtime takes some itself, when it compiles a method anew.</summary>
    public static long Least(Action step)
    {
        var least = long.MaxValue;
        for (var attempt = 0; attempt < 5 && least > 0; attempt++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            step();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Backprop.Benchmarks;

/// <summary>What the processor can do at most: a loop of fused multiply-adds on twelve independent accumulators.</summary>
internal sealed class Peak<T>(int threads) : ISide where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Rounds = 4096, Accumulators = 12;
    private static double Sink;
    private static int Lanes => Vector512.IsHardwareAccelerated ? Vector512<T>.Count : Vector<T>.Count;

    public int Threads { get; } = threads;

    /// <summary>Floating-point operations in one call of <see cref="Run"/>'s loop, over all threads.</summary>
    public double Flops => 2.0 * Rounds * Accumulators * Lanes * Threads;

    public void Run(int times)
    {
        if (Threads == 1)
        {
            Loop(times);
            return;
        }

        var others = new Thread[Threads - 1];
        for (var i = 0; i < others.Length; i++) (others[i] = new Thread(() => Loop(times))).Start();
        Loop(times);
        foreach (var other in others) other.Join();
    }

    public void Dispose() { }

    private static void Loop(int times)
    {
        for (var i = 0; i < times; i++) Sink = Vector512.IsHardwareAccelerated ? Wide() : Narrow();
    }

    // Written without an abstraction on purpose: nothing of what is measured against it takes part.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Wide()
    {
        Vector512<T> x = Vector512.Create(T.CreateTruncating(0.999)), y = Vector512.Create(T.CreateTruncating(0.001));
        Vector512<T> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (var n = 0; n < Rounds; n++)
        {
            a = Add(a, x, y); b = Add(b, x, y); c = Add(c, x, y); d = Add(d, x, y);
            e = Add(e, x, y); f = Add(f, x, y); g = Add(g, x, y); h = Add(h, x, y);
            i = Add(i, x, y); j = Add(j, x, y); k = Add(k, x, y); l = Add(l, x, y);
        }

        return double.CreateTruncating(Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Narrow()
    {
        Vector<T> x = Vector.Create(T.CreateTruncating(0.999)), y = Vector.Create(T.CreateTruncating(0.001));
        Vector<T> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (var n = 0; n < Rounds; n++)
        {
            a = Add(a, x, y); b = Add(b, x, y); c = Add(c, x, y); d = Add(d, x, y);
            e = Add(e, x, y); f = Add(f, x, y); g = Add(g, x, y); h = Add(h, x, y);
            i = Add(i, x, y); j = Add(j, x, y); k = Add(k, x, y); l = Add(l, x, y);
        }

        return double.CreateTruncating(Vector.Sum(a + b + c + d + e + f + g + h + i + j + k + l));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<T> Add(Vector512<T> a, Vector512<T> x, Vector512<T> y) => typeof(T) == typeof(float)
        ? Vector512.MultiplyAddEstimate(a.AsSingle(), x.AsSingle(), y.AsSingle()).As<float, T>()
        : Vector512.MultiplyAddEstimate(a.AsDouble(), x.AsDouble(), y.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<T> Add(Vector<T> a, Vector<T> x, Vector<T> y) => typeof(T) == typeof(float)
        ? Vector.MultiplyAddEstimate(a.As<T, float>(), x.As<T, float>(), y.As<T, float>()).As<float, T>()
        : Vector.MultiplyAddEstimate(a.As<T, double>(), x.As<T, double>(), y.As<T, double>()).As<double, T>();
}

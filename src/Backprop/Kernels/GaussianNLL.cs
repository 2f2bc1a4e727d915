using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop.Kernels;

/// <summary>The Gaussian negative log-likelihood of one column: means m, variances v, targets t.</summary>
[SkipLocalsInit]
internal static unsafe class GaussianNLL
{
    /// <summary>losses[i] = (log v + (m - t)^2 / v) / 2 + constant, where a v below <paramref name="epsilon"/> is taken as epsilon.</summary>
    internal static void Losses<T>(ReadOnlySpan<T> m, ReadOnlySpan<T> v, ReadOnlySpan<T> t, T epsilon, T constant, Span<T> losses)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        fixed (T* pm = m, pv = v, pt = t, pLosses = losses)
        {
            var kernel = new LossKernel<T>(pm, pv, pt, epsilon, constant, pLosses, m.Length);
            Simd.Run<T, LossKernel<T>>(ref kernel);
        }
    }

    /// <summary>The sum of the losses, in double.</summary>
    internal static double Sum<T>(ReadOnlySpan<T> m, ReadOnlySpan<T> v, ReadOnlySpan<T> t, T epsilon, T constant)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        const int Chunk = 256;
        Span<T> losses = stackalloc T[Chunk];
        var sum = 0.0;
        for (var i = 0; i < m.Length; i += Chunk)
        {
            var n = int.Min(Chunk, m.Length - i);
            Losses(m.Slice(i, n), v.Slice(i, n), t.Slice(i, n), epsilon, constant, losses[..n]);
            foreach (var loss in losses[..n]) sum += double.CreateTruncating(loss);
        }

        return sum;
    }

    /// <summary>
    /// dM[i] = dL dl/dm and dV[i] += dL dl/dv; dL is dLosses[i], or the one <paramref name="dL"/> where dLosses is empty.
    /// </summary>
    internal static void Gradient<T>(
        ReadOnlySpan<T> m, ReadOnlySpan<T> v, ReadOnlySpan<T> t, T epsilon, T dL, ReadOnlySpan<T> dLosses, Span<T> dM, Span<T> dV)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        fixed (T* pm = m, pv = v, pt = t, pdLosses = dLosses, pdM = dM, pdV = dV)
        {
            var kernel = new GradientKernel<T>(pm, pv, pt, epsilon, dL, pdLosses, pdM, pdV, m.Length);
            Simd.Run<T, GradientKernel<T>>(ref kernel);
        }
    }

    private readonly struct LossKernel<T>(T* m, T* v, T* t, T epsilon, T constant, T* losses, int length) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            for (var i = 0; i < length; i += V.Count)
            {
                var count = int.Min(V.Count, length - i);
                V variance = V.AtLeast(V.Broadcast(epsilon), V.Load(v + i, count)), d = V.Load(m + i, count) - V.Load(t + i, count);
                (0.5 * (MathFunctions<T>.Log(variance) + d * d / variance) + V.Broadcast(constant)).Store(losses + i, count);
            }
        }
    }

    private readonly struct GradientKernel<T>(T* m, T* v, T* t, T epsilon, T dL, T* dLosses, T* dM, T* dV, int length) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            for (var i = 0; i < length; i += V.Count)
            {
                var count = int.Min(V.Count, length - i);
                V variance = V.AtLeast(V.Broadcast(epsilon), V.Load(v + i, count)), d = V.Load(m + i, count) - V.Load(t + i, count);
                V upstream = dLosses == null ? V.Broadcast(dL) : V.Load(dLosses + i, count);
                (upstream * (d / variance)).Store(dM + i, count);
                (V.Load(dV + i, count) + upstream * (0.5 * (1 - d * d / variance) / variance)).Store(dV + i, count);
            }
        }
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop.Kernels;

/// <summary>
/// Softmax and cross-entropy of a few rows: l = -sum of q_c log s_c over the classes c, where s = softmax(x) and
/// q_c = w_c (floor + share t_c) says how much class c counts.
/// </summary>
/// <remarks>
/// Storage is column after column: a vector holds several rows of one column, and each lane walks along a row of its own. The spans x, t and dX
/// begin at the first of the rows, and column c is c * stride further on; there are as many rows as the other spans have entries.
/// </remarks>
[SkipLocalsInit]
internal static unsafe class CrossEntropy
{
    /// <summary>max[i] = the greatest x_c, logSum[i] = log of the sum of e^(x_c - max), so that log s_c = x_c - max - logSum.</summary>
    internal static void LogSumExp<T>(ReadOnlySpan<T> x, int stride, int classes, Span<T> max, Span<T> logSum)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        fixed (T* px = x, pMax = max, pLogSum = logSum)
        {
            var kernel = new LogSumExpKernel<T>(px, stride, classes, max.Length, pMax, pLogSum);
            Simd.Run<T, LogSumExpKernel<T>>(ref kernel);
        }
    }

    /// <summary>losses[i] = -sum of q_c (x_c - max - logSum). Empty weights are all 1, an empty t is all 0.</summary>
    internal static void Losses<T>(
        ReadOnlySpan<T> x, int stride, int classes, ReadOnlySpan<T> max, ReadOnlySpan<T> logSum, ReadOnlySpan<T> weights, ReadOnlySpan<T> t, T floor, T share, Span<T> losses)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        fixed (T* px = x, pMax = max, pLogSum = logSum, pWeights = weights, pt = t, pLosses = losses)
        {
            var kernel = new LossKernel<T>(px, stride, classes, losses.Length, pMax, pLogSum, new(pWeights, pt, floor, share), pLosses);
            Simd.Run<T, LossKernel<T>>(ref kernel);
        }
    }

    /// <summary>dX_c = dL (s_c (q + sum of q_k) - q_c), with one dL and one q for each row.</summary>
    internal static void Gradient<T>(
        ReadOnlySpan<T> x, int stride, int classes, ReadOnlySpan<T> dL, ReadOnlySpan<T> q, ReadOnlySpan<T> weights, ReadOnlySpan<T> t, T floor, T share, Span<T> dX)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        fixed (T* px = x, pdL = dL, pq = q, pWeights = weights, pt = t, pdX = dX)
        {
            var kernel = new GradientKernel<T>(px, stride, classes, dL.Length, pdL, pq, new(pWeights, pt, floor, share), pdX);
            Simd.Run<T, GradientKernel<T>>(ref kernel);
        }
    }

    private readonly struct LogSumExpKernel<T>(T* x, int stride, int classes, int rows, T* max, T* logSum) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            for (var i = 0; i < rows; i += V.Count)
            {
                var n = int.Min(V.Count, rows - i);
                V greatest = double.NegativeInfinity, sum = V.Zero;
                for (var c = 0; c < classes; c++) greatest = V.Max(greatest, Load<T, V>(x + c * stride + i, n));
                for (var c = 0; c < classes; c++) sum += MathFunctions<T>.Exp(Load<T, V>(x + c * stride + i, n) - greatest);
                greatest.Store(max + i, n);
                MathFunctions<T>.Log(sum).Store(logSum + i, n);
            }
        }
    }

    private readonly struct LossKernel<T>(T* x, int stride, int classes, int rows, T* max, T* logSum, Counts<T> q, T* losses) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            for (var i = 0; i < rows; i += V.Count)
            {
                var n = int.Min(V.Count, rows - i);
                V greatest = V.Load(max + i, n), log = V.Load(logSum + i, n), loss = V.Zero;
                for (var c = 0; c < classes; c++)
                    loss -= q.Of<V>(c, c * stride + i, n) * (Load<T, V>(x + c * stride + i, n) - greatest - log);
                loss.Store(losses + i, n);
            }
        }
    }

    private readonly struct GradientKernel<T>(T* x, int stride, int classes, int rows, T* dL, T* own, Counts<T> q, T* dX) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            for (var i = 0; i < rows; i += V.Count)
            {
                var n = int.Min(V.Count, rows - i);
                V greatest = double.NegativeInfinity, sum = V.Zero, total = V.Load(own + i, n), upstream = V.Load(dL + i, n);
                for (var c = 0; c < classes; c++) greatest = V.Max(greatest, Load<T, V>(x + c * stride + i, n));
                for (var c = 0; c < classes; c++)
                {
                    var e = MathFunctions<T>.Exp(Load<T, V>(x + c * stride + i, n) - greatest); // kept where the result will be
                    Store(e, dX + c * stride + i, n);
                    sum += e;
                    total += q.Of<V>(c, c * stride + i, n);
                }

                V factor = upstream * total / sum;
                for (var c = 0; c < classes; c++)
                    Store(factor * Load<T, V>(dX + c * stride + i, n) - upstream * q.Of<V>(c, c * stride + i, n), dX + c * stride + i, n);
            }
        }
    }

    /// <summary>q_c = w_c (floor + share t_c).</summary>
    private readonly struct Counts<T>(T* weights, T* t, T floor, T share) where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Of<V>(int c, int at, int n) where V : unmanaged, ISimd<V, T>
        {
            V q = V.Broadcast(floor);
            if (t != null) q += V.Broadcast(share) * Load<T, V>(t + at, n);
            return weights == null ? q : V.Broadcast(weights[c]) * q;
        }
    }

    // Whole vectors, nearly always; the processor's masks are slower.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Load<T, V>(T* source, int n) where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T> =>
        n == V.Count ? V.Load(source) : V.Load(source, n);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<T, V>(V value, T* destination, int n) where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        if (n == V.Count) value.Store(destination);
        else value.Store(destination, n);
    }
}

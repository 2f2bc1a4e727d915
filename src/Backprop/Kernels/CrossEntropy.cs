using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>
/// Softmax and cross-entropy of a few rows: l = -sum of q_c log s_c over the classes c, where s = softmax(x) and
/// q_c = w_c (floor + share t_c) says how much class c counts.
/// </summary>
/// <remarks>
/// Storage is column after column: a vector holds several rows of one column, and each lane walks along a row of its own. The spans x, t and dX
/// begin at the first of the rows, and column c is c * stride further on; there are as many rows as the other spans have entries.
/// <para>In plain loops: <c>Reference.LogSumExp</c>, <c>CrossEntropyLosses</c> and <c>CrossEntropyGradient</c> of the tests.</para>
/// </remarks>
[SkipLocalsInit]
internal static unsafe class CrossEntropy
{
    private const int Block = 64; // columns are added up in blocks, so that many cost few roundings

    /// <summary>max[i] = the greatest x_c, logSum[i] = log of the sum of e^(x_c - max), so that log s_c = x_c - max - logSum.</summary>
    internal static void LogSumExp<T>(ReadOnlySpan<T> x, int stride, int classes, Span<T> max, Span<T> logSum)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustHoldRows(x.Length, max.Length, classes, stride);
        Lengths.MustAgree(max.Length, logSum.Length);
        fixed (T* px = x, pMax = max, pLogSum = logSum)
        {
            var kernel = new LogSumExpKernel<T>(px, stride, classes, max.Length, pMax, pLogSum);
            Dispatch.Run<T, LogSumExpKernel<T>>(ref kernel);
        }
    }

    /// <summary>losses[i] = -sum of q_c (x_c - max - logSum). Empty weights are all 1, an empty t is all 0.</summary>
    internal static void Losses<T>(
        ReadOnlySpan<T> x, int stride, int classes, ReadOnlySpan<T> max, ReadOnlySpan<T> logSum, ReadOnlySpan<T> weights, ReadOnlySpan<T> t, T floor, T share, Span<T> losses)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustHoldRows(x.Length, losses.Length, classes, stride);
        Lengths.MustHold(max.Length, losses.Length);
        Lengths.MustHold(logSum.Length, losses.Length);
        Lengths.MustAgreeOrBeEmpty(weights.Length, classes);
        if (!t.IsEmpty) Lengths.MustHoldRows(t.Length, losses.Length, classes, stride);
        fixed (T* px = x, pMax = max, pLogSum = logSum, pWeights = weights, pt = t, pLosses = losses)
        {
            var kernel = new LossKernel<T>(px, stride, classes, losses.Length, pMax, pLogSum, new(pWeights, pt, floor, share), pLosses);
            Dispatch.Run<T, LossKernel<T>>(ref kernel);
        }
    }

    /// <summary>
    /// dX_c = dL (s_c (q + sum of q_k) - q_c), with one dL and one q for each row; on the way also what <see cref="LogSumExp"/> gives, bit for bit,
    /// unless those two are empty.
    /// </summary>
    internal static void Gradient<T>(
        ReadOnlySpan<T> x, int stride, int classes, ReadOnlySpan<T> dL, ReadOnlySpan<T> q, ReadOnlySpan<T> weights, ReadOnlySpan<T> t, T floor, T share, Span<T> dX,
        Span<T> max, Span<T> logSum)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustHoldRows(x.Length, dL.Length, classes, stride);
        Lengths.MustHoldRows(dX.Length, dL.Length, classes, stride);
        Lengths.MustAgree(dL.Length, q.Length);
        Lengths.MustAgreeOrBeEmpty(weights.Length, classes);
        if (!t.IsEmpty) Lengths.MustHoldRows(t.Length, dL.Length, classes, stride);
        Lengths.MustAgreeOrBeEmpty(max.Length, dL.Length);
        Lengths.MustAgree(max.Length, logSum.Length);
        fixed (T* px = x, pdL = dL, pq = q, pWeights = weights, pt = t, pdX = dX, pMax = max, pLogSum = logSum)
        {
            var kernel = new GradientKernel<T>(px, stride, classes, dL.Length, pdL, pq, new(pWeights, pt, floor, share), pdX, pMax, pLogSum);
            Dispatch.Run<T, GradientKernel<T>>(ref kernel);
        }
    }

    private readonly struct LogSumExpKernel<T>(T* x, int stride, int classes, int rows, T* max, T* logSum) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                for (nint i = 0; i < rows; i += V.Count)
                {
                    V greatest = Greatest<T, V>(x + i, stride, classes, rows - i), sum = V.Zero;
                    for (var c = 0; c < classes;)
                    {
                        V part = V.Zero;
                        for (var end = c + int.Min(Block, classes - c); c < end; c++) part += MathFunctions<T>.Exp(Ends.Load<T, V>(x + (nint)c * stride + i, rows - i) - greatest);
                        sum += part;
                    }

                    Ends.Store(greatest, max + i, rows - i);
                    Ends.Store(MathFunctions<T>.Log(sum), logSum + i, rows - i);
                }
            }
        }
    }

    private readonly struct LossKernel<T>(T* x, int stride, int classes, int rows, T* max, T* logSum, Counts<T> q, T* losses) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                for (nint i = 0; i < rows; i += V.Count)
                {
                    V greatest = Ends.Load<T, V>(max + i, rows - i), log = Ends.Load<T, V>(logSum + i, rows - i), sum = V.Zero;
                    for (var c = 0; c < classes;)
                    {
                        V part = V.Zero;
                        for (var end = c + int.Min(Block, classes - c); c < end; c++)
                            part += q.Of<V>(c, (nint)c * stride + i, rows - i) * (Ends.Load<T, V>(x + (nint)c * stride + i, rows - i) - greatest - log);
                        sum += part;
                    }

                    Ends.Store(-sum, losses + i, rows - i);
                }
            }
        }
    }

    private readonly struct GradientKernel<T>(T* x, int stride, int classes, int rows, T* dL, T* own, Counts<T> q, T* dX, T* max, T* logSum) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                for (nint i = 0; i < rows; i += V.Count)
                {
                    V greatest = Greatest<T, V>(x + i, stride, classes, rows - i), sum = V.Zero, total = Ends.Load<T, V>(own + i, rows - i);
                    for (var c = 0; c < classes;)
                    {
                        V part = V.Zero;
                        for (var end = c + int.Min(Block, classes - c); c < end; c++)
                        {
                            V e = MathFunctions<T>.Exp(Ends.Load<T, V>(x + (nint)c * stride + i, rows - i) - greatest);
                            Ends.Store(e, dX + (nint)c * stride + i, rows - i); // kept where the result will be
                            part += e;
                            total += q.Of<V>(c, (nint)c * stride + i, rows - i);
                        }

                        sum += part;
                    }

                    if (max != null)
                    {
                        Ends.Store(greatest, max + i, rows - i);
                        Ends.Store(MathFunctions<T>.Log(sum), logSum + i, rows - i);
                    }

                    V upstream = Ends.Load<T, V>(dL + i, rows - i), factor = upstream * total / sum;
                    for (var c = 0; c < classes; c++)
                    {
                        V counts = q.Of<V>(c, (nint)c * stride + i, rows - i);
                        Ends.Store(factor * Ends.Load<T, V>(dX + (nint)c * stride + i, rows - i) - upstream * counts, dX + (nint)c * stride + i, rows - i);
                    }
                }
            }
        }
    }

    /// <summary>q_c = w_c (floor + share t_c).</summary>
    private readonly struct Counts<T>(T* weights, T* t, T floor, T share) where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Of<V>(int c, nint at, nint left) where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                V q = V.Broadcast(floor);
                if (t != null) q += V.Broadcast(share) * Ends.Load<T, V>(t + at, left);
                return weights == null ? q : V.Broadcast(weights[c]) * q;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Greatest<T, V>(T* x, int stride, int classes, nint left) where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            V greatest = double.NegativeInfinity;
            for (var c = 0; c < classes; c++) greatest = V.Max(greatest, Ends.Load<T, V>(x + (nint)c * stride, left));
            return greatest;
        }
    }
}

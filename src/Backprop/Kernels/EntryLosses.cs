using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop.Kernels;

/// <summary>The loss of one entry and its derivative, for vectors of entries: all that an elementwise loss has to say.</summary>
internal interface IEntryLoss<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>l(p, t).</summary>
    V Loss<V>(V p, V t) where V : unmanaged, ISimd<V, T>;

    /// <summary>dl/dp.</summary>
    V Derivative<V>(V p, V t) where V : unmanaged, ISimd<V, T>;
}

/// <summary>What is done with an entry loss: summed, written out, differentiated.</summary>
internal abstract class EntryLosses<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The sum of l(p[i], t[i]), added in an order that depends on the length alone.</summary>
    internal abstract double Sum(ReadOnlySpan<T> p, ReadOnlySpan<T> t);

    /// <summary>losses[i] = l(p[i], t[i]).</summary>
    internal abstract void Losses(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> losses);

    /// <summary>dP[i] = dL dl/dp(p[i], t[i]), with one dL for all entries.</summary>
    internal abstract void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, T dL, Span<T> dP);

    /// <summary>dP[i] = dLosses[i] dl/dp(p[i], t[i]).</summary>
    internal abstract void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, ReadOnlySpan<T> dLosses, Span<T> dP);
}

/// <summary>The same for one entry loss, compiled for it and for the width of the machine.</summary>
[SkipLocalsInit]
internal sealed unsafe class EntryLosses<T, TEntry>(TEntry entry) : EntryLosses<T>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TEntry : struct, IEntryLoss<T>
{
    internal override double Sum(ReadOnlySpan<T> p, ReadOnlySpan<T> t)
    {
        fixed (T* pp = p, pt = t)
        {
            var kernel = new SumKernel(entry, pp, pt, p.Length);
            Simd.Run<T, SumKernel>(ref kernel);
            return kernel.Total;
        }
    }

    internal override void Losses(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> losses)
    {
        fixed (T* pp = p, pt = t, pLosses = losses)
        {
            var kernel = new LossKernel(entry, pp, pt, pLosses, p.Length);
            Simd.Run<T, LossKernel>(ref kernel);
        }
    }

    internal override void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, T dL, Span<T> dP)
    {
        fixed (T* pp = p, pt = t, pdP = dP)
        {
            var kernel = new GradientKernel(entry, pp, pt, null, dL, pdP, p.Length);
            Simd.Run<T, GradientKernel>(ref kernel);
        }
    }

    internal override void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, ReadOnlySpan<T> dLosses, Span<T> dP)
    {
        fixed (T* pp = p, pt = t, pdLosses = dLosses, pdP = dP)
        {
            var kernel = new GradientKernel(entry, pp, pt, pdLosses, T.Zero, pdP, p.Length);
            Simd.Run<T, GradientKernel>(ref kernel);
        }
    }

    /// <summary>
    /// Entry i goes to the running sum i mod 16, whatever the width of a vector: so every machine adds in the same order. After a chunk the 16 are added
    /// up and go to a total in double: so floats do not run out of digits where there are many.
    /// </summary>
    private struct SumKernel(TEntry entry, T* p, T* t, int length) : ISimdKernel<T>
    {
        private const int Sums = 16, Chunk = 64 * Sums;

        public double Total { get; private set; }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            T* sums = stackalloc T[Sums];
            var total = 0.0;
            for (var start = 0; start < length; start += Chunk)
            {
                new Span<T>(sums, Sums).Clear();
                var end = int.Min(length, start + Chunk);
                var i = start;
                for (; i <= end - Sums; i += Sums)
                    for (var k = 0; k < Sums; k += V.Count)
                        (V.Load(sums + k) + entry.Loss(V.Load(p + i + k), V.Load(t + i + k))).Store(sums + k);
                for (var k = 0; i < end; i += V.Count, k += V.Count)
                {
                    var count = int.Min(V.Count, end - i);
                    (V.Load(sums + k, count) + entry.Loss(V.Load(p + i, count), V.Load(t + i, count))).Store(sums + k, count);
                }

                for (var half = Sums / 2; half > 0; half /= 2)
                    for (var k = 0; k < half; k++) sums[k] += sums[k + half];
                total += double.CreateTruncating(sums[0]);
            }

            Total = total;
        }
    }

    private readonly struct LossKernel(TEntry entry, T* p, T* t, T* losses, int length) : ISimdKernel<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            var i = 0;
            for (; i <= length - V.Count; i += V.Count)
                entry.Loss(V.Load(p + i), V.Load(t + i)).Store(losses + i);
            if (i < length)
                entry.Loss(V.Load(p + i, length - i), V.Load(t + i, length - i)).Store(losses + i, length - i);
        }
    }

    private readonly struct GradientKernel(TEntry entry, T* p, T* t, T* dLosses, T dL, T* dP, int length) : ISimdKernel<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            var one = V.Broadcast(dL);
            var i = 0;
            for (; i <= length - V.Count; i += V.Count)
                ((dLosses == null ? one : V.Load(dLosses + i)) * entry.Derivative(V.Load(p + i), V.Load(t + i))).Store(dP + i);
            if (i < length)
                ((dLosses == null ? one : V.Load(dLosses + i, length - i)) * entry.Derivative(V.Load(p + i, length - i), V.Load(t + i, length - i))).Store(dP + i, length - i);
        }
    }
}

/// <summary>An entry loss for each column: where a loss weighs columns differently.</summary>
internal sealed class EntryLossesByColumn<T>(EntryLosses<T>[] columns) : EntryLosses<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    internal override double Sum(ReadOnlySpan<T> p, ReadOnlySpan<T> t)
    {
        var sum = 0.0;
        for (int j = 0, n = p.Length / columns.Length; j < columns.Length; j++)
            sum += columns[j].Sum(p.Slice(j * n, n), t.Slice(j * n, n));
        return sum;
    }

    internal override void Losses(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> losses)
    {
        for (int j = 0, n = p.Length / columns.Length; j < columns.Length; j++)
            columns[j].Losses(p.Slice(j * n, n), t.Slice(j * n, n), losses.Slice(j * n, n));
    }

    internal override void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, T dL, Span<T> dP)
    {
        for (int j = 0, n = p.Length / columns.Length; j < columns.Length; j++)
            columns[j].Gradient(p.Slice(j * n, n), t.Slice(j * n, n), dL, dP.Slice(j * n, n));
    }

    internal override void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, ReadOnlySpan<T> dLosses, Span<T> dP)
    {
        for (int j = 0, n = p.Length / columns.Length; j < columns.Length; j++)
            columns[j].Gradient(p.Slice(j * n, n), t.Slice(j * n, n), dLosses.Slice(j * n, n), dP.Slice(j * n, n));
    }
}

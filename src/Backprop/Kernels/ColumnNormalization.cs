using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop.Kernels;

/// <summary>Normalises each column of a column-major matrix. Its sums have a fixed order, see <see cref="PartialSums{T, V}"/>.</summary>
internal static unsafe class ColumnNormalization
{
    /// <summary>y = x̂ w + b with x̂ = (x - mean) r, r = 1/sqrt(var + eps); mean and var are the column's own, or else those that moments has.</summary>
    public static void Forward<T>(bool own, T epsilon, ReadOnlySpan<T> x, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Moments<T> moments, Span<T> y, int rows, int columns)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        fixed (T* px = x, pw = weight, pb = bias, py = y, mean = moments.Mean, rest = moments.Rest, variance = moments.Variance, r = moments.InverseDeviation)
        {
            var kernel = new ForwardKernel<T>(own, epsilon, px, pw, pb, py, mean, rest, variance, r, rows, columns);
            Simd.Run<T, ForwardKernel<T>>(ref kernel);
        }
    }

    /// <summary>
    /// dX = w r (dY - mean(dY) - x̂ mean(dY x̂)), or dX = w r dY where mean and var were not the column's own; dw += sum of dY x̂, db += sum of dY.
    /// </summary>
    /// <remarks>Spans that are empty are left out.</remarks>
    public static void Backward<T>(
        bool own, ReadOnlySpan<T> x, ReadOnlySpan<T> dY, ReadOnlySpan<T> weight, Moments<T> moments, Span<T> dWeight, Span<T> dBias, Span<T> dX, int rows, int columns)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        fixed (T* px = x, pdy = dY, pw = weight, pdw = dWeight, pdb = dBias, pdx = dX)
        fixed (T* mean = moments.Mean, rest = moments.Rest, r = moments.InverseDeviation)
        {
            var kernel = new BackwardKernel<T>(own, px, pdy, pw, pdw, pdb, pdx, mean, rest, r, rows, columns);
            Simd.Run<T, BackwardKernel<T>>(ref kernel);
        }
    }

    private readonly struct ForwardKernel<T>(
        bool own, T epsilon, T* x, T* weight, T* bias, T* y, T* mean, T* rest, T* variance, T* r, int rows, int columns) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            if (V.Count == 1)   // partial sums want vectors; without hardware for them, software serves
            {
                Run<Simd128<T>>();
                return;
            }

            for (var j = 0; j < columns; j++)
            {
                T* x = X + (nint)j * rows, y = Y + (nint)j * rows;
                if (own) Measure<V>(x, j);
                // r = 1/sqrt(var + eps)      y = (x - mean) r w + b
                r[j] = T.One / T.Sqrt(variance[j] + epsilon);
                V mean = V.Broadcast(Mean[j]), rest = V.Broadcast(Rest[j]), rj = V.Broadcast(r[j]);
                V w = V.Broadcast(weight is null ? T.One : weight[j]), b = V.Broadcast(bias is null ? T.Zero : bias[j]);
                for (var i = 0; i < rows; i += V.Count)
                    Ends.Store((Ends.Load<T, V>(x + i, rows - i) - mean - rest) * rj * w + b, y + i, rows - i);
            }
        }

        private T* X => x;

        private T* Y => y;

        private T* Mean => mean;

        private T* Rest => rest;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Measure<V>(T* x, int j) where V : unmanaged, ISimd<V, T>
        {
            // mean = sum of x / n      var = mean(d²) - mean(d)² with d = x - mean
            var n = T.CreateChecked(rows);
            PartialSums<T, V> sum = default, sumOfD = default, sumOfSquares = default;
            for (var i = 0; i < rows; i += V.Count) sum.Add(Ends.Load<T, V>(x + i, rows - i));
            mean[j] = sum.Total / n;
            var center = V.Broadcast(mean[j]);
            for (var i = 0; i < rows; i += V.Count)
            {
                var d = V.Keep(Ends.Load<T, V>(x + i, rows - i) - center, int.Min(rows - i, V.Count));
                sumOfD.Add(d);
                sumOfSquares.Add(d * d);
            }

            rest[j] = sumOfD.Total / n;
            var var = sumOfSquares.Total / n - rest[j] * rest[j];
            variance[j] = var < T.Zero ? T.Zero : var;
        }
    }

    private readonly struct BackwardKernel<T>(
        bool own, T* x, T* dY, T* weight, T* dWeight, T* dBias, T* dX, T* mean, T* rest, T* r, int rows, int columns) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            if (V.Count == 1)
            {
                Run<Simd128<T>>();
                return;
            }

            var n = T.CreateChecked(rows);
            for (var j = 0; j < columns; j++)
            {
                PartialSums<T, V> dw = default, db = default;
                for (var i = 0; i < rows; i += V.Count)
                {
                    // dw += sum of dY x̂      db += sum of dY
                    var dy = DY<V>(i, j);
                    dw.Add(V.Keep(dy * XHat<V>(i, j), int.Min(rows - i, V.Count)));
                    db.Add(dy);
                }

                if (dWeight is not null) dWeight[j] += dw.Total;
                if (dBias is not null) dBias[j] += db.Total;
                if (dX is null) continue;

                var wr = V.Broadcast(weight is null ? r[j] : weight[j] * r[j]);
                V meanOfDY = V.Broadcast(db.Total / n), meanOfDYXHat = V.Broadcast(dw.Total / n);
                for (var i = 0; i < rows; i += V.Count)
                {
                    // dX = w r (dY - mean(dY) - x̂ mean(dY x̂))
                    var dx = own ? wr * (DY<V>(i, j) - meanOfDY - XHat<V>(i, j) * meanOfDYXHat) : wr * DY<V>(i, j);
                    Ends.Store(dx, dX + (nint)j * rows + i, rows - i);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private V DY<V>(int i, int j) where V : unmanaged, ISimd<V, T> => Ends.Load<T, V>(dY + (nint)j * rows + i, rows - i);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private V XHat<V>(int i, int j) where V : unmanaged, ISimd<V, T> =>
            (Ends.Load<T, V>(x + (nint)j * rows + i, rows - i) - V.Broadcast(mean[j]) - V.Broadcast(rest[j])) * V.Broadcast(r[j]);
    }
}

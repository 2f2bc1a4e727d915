using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop.Kernels;

/// <summary>
/// Normalises each row of a column-major matrix: many rows side by side in the lanes of a vector, one column after the other.
/// So memory is read in order, and each row's sums are taken from left to right, whatever the vector width and the number of rows.
/// </summary>
internal static unsafe class RowNormalization
{
    /// <summary>y = x̂ w + b with x̂ = (x - mean) r, r = 1/sqrt(var + eps); not centred, y = x̂ w + b with x̂ = x r, r = 1/sqrt(mean(x²) + eps).</summary>
    public static void Forward<T>(bool centred, T epsilon, ReadOnlySpan<T> x, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Moments<T> moments, Span<T> y, int rows, int columns)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        moments.Clear(rows);
        fixed (T* px = x, pw = weight, pb = bias, py = y, mean = moments.Mean, rest = moments.Rest, variance = moments.Variance, r = moments.InverseDeviation)
        {
            var kernel = new ForwardKernel<T>(centred, epsilon, px, pw, pb, py, mean, rest, variance, r, rows, columns);
            Simd.Run<T, ForwardKernel<T>>(ref kernel);
        }
    }

    /// <summary>dX = r (dX̂ - mean(dX̂) - x̂ mean(dX̂ x̂)) with dX̂ = dY w, not centred without mean(dX̂); dw += sum of dY x̂, db += sum of dY over the rows.</summary>
    /// <remarks>Spans that are empty are left out.</remarks>
    public static void Backward<T>(
        bool centred, ReadOnlySpan<T> x, ReadOnlySpan<T> dY, ReadOnlySpan<T> weight, Moments<T> moments, Span<T> dWeight, Span<T> dBias, Span<T> dX, int rows, int columns)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        moments.Sum.Clear();
        moments.SumTimes.Clear();
        fixed (T* px = x, pdy = dY, pw = weight, pdw = dWeight, pdb = dBias, pdx = dX)
        fixed (T* mean = moments.Mean, rest = moments.Rest, r = moments.InverseDeviation, sum = moments.Sum, sumTimes = moments.SumTimes)
        {
            var kernel = new BackwardKernel<T>(centred, px, pdy, pw, pdw, pdb, pdx, mean, rest, r, sum, sumTimes, rows, columns);
            Simd.Run<T, BackwardKernel<T>>(ref kernel);
        }
    }

    private readonly struct ForwardKernel<T>(
        bool centred, T epsilon, T* x, T* weight, T* bias, T* y, T* mean, T* rest, T* variance, T* r, int rows, int columns) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            V m = V.Broadcast(T.CreateChecked(columns)), eps = V.Broadcast(epsilon);
            if (centred)
            {
                for (var j = 0; j < columns; j++)
                    for (var i = 0; i < rows; i += V.Count) (V.Load(mean + i) + X<V>(i, j)).Store(mean + i);
                for (var i = 0; i < rows; i += V.Count) (V.Load(mean + i) / m).Store(mean + i);
            }

            for (var j = 0; j < columns; j++)
            {
                for (var i = 0; i < rows; i += V.Count)
                {
                    var d = X<V>(i, j) - V.Load(mean + i);
                    if (centred) (V.Load(rest + i) + d).Store(rest + i);
                    (V.Load(variance + i) + d * d).Store(variance + i);
                }
            }

            for (var i = 0; i < rows; i += V.Count)
            {
                // var = mean(d²) - mean(d)²      r = 1/sqrt(var + eps)
                V shift = V.Load(rest + i) / m, var = V.AtLeast(V.Zero, V.Load(variance + i) / m - shift * shift);
                shift.Store(rest + i);
                var.Store(variance + i);
                V.Keep((V)1 / V.Sqrt(var + eps), int.Min(rows - i, V.Count)).Store(r + i);    // 0 beyond the end, so that sums over rows see nothing there
            }

            for (var j = 0; j < columns; j++)
            {
                V w = V.Broadcast(weight is null ? T.One : weight[j]), b = V.Broadcast(bias is null ? T.Zero : bias[j]);
                for (var i = 0; i < rows; i += V.Count)
                {
                    // y = (x - mean) r w + b
                    var xHat = (X<V>(i, j) - V.Load(mean + i) - V.Load(rest + i)) * V.Load(r + i);
                    Ends.Store(xHat * w + b, y + (nint)j * rows + i, rows - i);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private V X<V>(int i, int j) where V : unmanaged, ISimd<V, T> => Ends.Load<T, V>(x + (nint)j * rows + i, rows - i);
    }

    private readonly struct BackwardKernel<T>(
        bool centred, T* x, T* dY, T* weight, T* dWeight, T* dBias, T* dX, T* mean, T* rest, T* r, T* sum, T* sumTimes, int rows, int columns) : ISimdKernel<T>
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
                V w = W<V>(j);
                PartialSums<T, V> dw = default, db = default;
                for (var i = 0; i < rows; i += V.Count)
                {
                    // dw += sum of dY x̂      db += sum of dY      dX̂ = dY w
                    V dy = DY<V>(i, j), xHat = XHat<V>(i, j), dXHat = dy * w;
                    dw.Add(dy * xHat);
                    db.Add(dy);
                    if (centred) (V.Load(sum + i) + dXHat).Store(sum + i);
                    (V.Load(sumTimes + i) + dXHat * xHat).Store(sumTimes + i);
                }

                if (dWeight is not null) dWeight[j] += dw.Total;
                if (dBias is not null) dBias[j] += db.Total;
            }

            if (dX is null) return;
            var m = V.Broadcast(T.CreateChecked(columns));
            for (var i = 0; i < rows; i += V.Count)
            {
                (V.Load(sum + i) / m).Store(sum + i);
                (V.Load(sumTimes + i) / m).Store(sumTimes + i);
            }

            for (var j = 0; j < columns; j++)
            {
                V w = W<V>(j);
                for (var i = 0; i < rows; i += V.Count)
                {
                    // dX = r (dX̂ - mean(dX̂) - x̂ mean(dX̂ x̂))
                    var dx = V.Load(r + i) * (DY<V>(i, j) * w - V.Load(sum + i) - XHat<V>(i, j) * V.Load(sumTimes + i));
                    Ends.Store(dx, dX + (nint)j * rows + i, rows - i);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private V W<V>(int j) where V : unmanaged, ISimd<V, T> => V.Broadcast(weight is null ? T.One : weight[j]);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private V DY<V>(int i, int j) where V : unmanaged, ISimd<V, T> => Ends.Load<T, V>(dY + (nint)j * rows + i, rows - i);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private V XHat<V>(int i, int j) where V : unmanaged, ISimd<V, T> =>
            (Ends.Load<T, V>(x + (nint)j * rows + i, rows - i) - V.Load(mean + i) - V.Load(rest + i)) * V.Load(r + i);
    }
}

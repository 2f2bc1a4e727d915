using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>Normalises each column of a column-major matrix. Its sums have a fixed order, see <see cref="PartialSums{T, V}"/>.</summary>
/// <remarks>In plain loops: <c>Reference.NormalizeColumns</c> and <c>NormalizeColumnsBackward</c> of the tests.</remarks>
internal static unsafe class ColumnNormalization
{
    /// <summary>y = x̂ w + b with x̂ = (x - mean) r, r = 1/sqrt(var + eps); mean and var are the column's own, or else those that moments has.</summary>
    public static void Forward<T>(bool own, T epsilon, ReadOnlySpan<T> x, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Moments<T> moments, Span<T> y, int rows, int columns)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustBeMatrix(x.Length, rows, columns);
        Lengths.MustAgree(y.Length, x.Length);
        Lengths.MustAgreeOrBeEmpty(weight.Length, columns);
        Lengths.MustAgreeOrBeEmpty(bias.Length, columns);
        Lengths.MustAgree(moments.Count, columns);
        fixed (T* px = x, pw = weight, pb = bias, py = y, mean = moments.Mean, rest = moments.Rest, variance = moments.Variance, r = moments.InverseDeviation)
        {
            var kernel = new ForwardKernel<T>(own, epsilon, px, pw, pb, py, mean, rest, variance, r, rows, columns);
            Ends.Run<T, ForwardKernel<T>>(ref kernel, rows);
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
        Lengths.MustBeMatrix(x.Length, rows, columns);
        Lengths.MustAgree(dY.Length, x.Length);
        Lengths.MustAgreeOrBeEmpty(weight.Length, columns);
        Lengths.MustAgreeOrBeEmpty(dWeight.Length, columns);
        Lengths.MustAgreeOrBeEmpty(dBias.Length, columns);
        Lengths.MustAgreeOrBeEmpty(dX.Length, x.Length);
        Lengths.MustAgree(moments.Count, columns);
        fixed (T* px = x, pdy = dY, pw = weight, pdw = dWeight, pdb = dBias, pdx = dX)
        fixed (T* mean = moments.Mean, rest = moments.Rest, r = moments.InverseDeviation)
        {
            var kernel = new BackwardKernel<T>(own, px, pdy, pw, pdw, pdb, pdx, mean, rest, r, rows, columns);
            Ends.Run<T, BackwardKernel<T>>(ref kernel, rows);
        }
    }

    private readonly struct ForwardKernel<T>(
        bool own, T epsilon, T* xs, T* weight, T* bias, T* ys, T* means, T* rests, T* variances, T* rs, int rowCount, int columns) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                nint rows = rowCount;
                for (var j = 0; j < columns; j++)
                {
                    T* x = xs + j * rows, y = ys + j * rows;
                    if (own) (means[j], rests[j], variances[j]) = Measure<T, V>(x, rows);
                    // r = 1/sqrt(var + eps)      y = (x - mean) r w + b
                    rs[j] = T.One / T.Sqrt(variances[j] + epsilon);
                    V mean = V.Broadcast(means[j]), rest = V.Broadcast(rests[j]), r = V.Broadcast(rs[j]);
                    V w = V.Broadcast(weight is null ? T.One : weight[j]), b = V.Broadcast(bias is null ? T.Zero : bias[j]);
                    for (nint i = 0; i < rows; i += V.Count)
                        Ends.Store((Ends.Load<T, V>(x + i, rows - i) - mean - rest) * r * w + b, y + i, rows - i);
                }
            }
        }
    }

    /// <summary>mean = sum of x / n, rest = mean(d) and var = mean(d²) - rest² with d = x - mean.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (T Mean, T RestOfMean, T Variance) Measure<T, V>(T* x, nint rows)
        where T : unmanaged, IFloatingPointIeee754<T>
        where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            var n = T.CreateChecked(rows);
            PartialSums<T, V> sum = default, sumOfD = default, sumOfSquares = default;
            for (nint i = 0; i < rows; i += V.Count) sum.Add(Ends.Load<T, V>(x + i, rows - i));
            var mean = sum.Total / n;
            var center = V.Broadcast(mean);
            for (nint i = 0; i < rows; i += V.Count)
            {
                var d = Ends.Load<T, V>(x + i, rows - i) - center;
                if (rows - i < V.Count) d = V.Keep(d, (int)(rows - i));
                sumOfD.Add(d);
                sumOfSquares.Add(d * d);
            }

            var rest = sumOfD.Total / n;
            var variance = sumOfSquares.Total / n - rest * rest;
            return (mean, rest, T.Max(T.Zero, variance));
        }
    }

    private readonly struct BackwardKernel<T>(
        bool own, T* xs, T* dYs, T* weight, T* dWeight, T* dBias, T* dXs, T* means, T* rests, T* rs, int rowCount, int columns) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                nint rows = rowCount;
                var n = T.CreateChecked(rows);
                for (var j = 0; j < columns; j++)
                {
                    T* x = xs + j * rows, dY = dYs + j * rows, dX = dXs + j * rows;
                    V mean = V.Broadcast(means[j]), rest = V.Broadcast(rests[j]), r = V.Broadcast(rs[j]);
                    PartialSums<T, V> dw = default, db = default;
                    for (nint i = 0; i < rows; i += V.Count)
                    {
                        // dw += sum of dY x̂      db += sum of dY
                        V dy = Ends.Load<T, V>(dY + i, rows - i), dyXHat = dy * ((Ends.Load<T, V>(x + i, rows - i) - mean - rest) * r);
                        dw.Add(dyXHat);
                        db.Add(dy);
                    }

                    T sumOfDYXHat = dw.Total, sumOfDY = db.Total;
                    if (dWeight is not null) dWeight[j] += sumOfDYXHat;
                    if (dBias is not null) dBias[j] += sumOfDY;
                    if (dXs is null) continue;

                    var wr = V.Broadcast(weight is null ? rs[j] : weight[j] * rs[j]);
                    V meanOfDY = V.Broadcast(sumOfDY / n), meanOfDYXHat = V.Broadcast(sumOfDYXHat / n);
                    for (nint i = 0; i < rows; i += V.Count)
                    {
                        // dX = w r (dY - mean(dY) - x̂ mean(dY x̂))
                        V dy = Ends.Load<T, V>(dY + i, rows - i), xHat = (Ends.Load<T, V>(x + i, rows - i) - mean - rest) * r;
                        Ends.Store(own ? wr * (dy - meanOfDY - xHat * meanOfDYXHat) : wr * dy, dX + i, rows - i);
                    }
                }
            }
        }
    }
}

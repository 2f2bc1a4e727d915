using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>
/// Normalises each row of a column-major matrix: many rows side by side in the lanes of a vector, one column after the other.
/// So memory is read in order, and each row's sums are taken from left to right, whatever the vector width and the number of rows.
/// </summary>
/// <remarks>In plain loops: <c>Reference.NormalizeRows</c> and <c>NormalizeRowsBackward</c> of the tests.</remarks>
internal static unsafe class RowNormalization
{
    /// <summary>y = x̂ w + b with x̂ = (x - mean) r, r = 1/sqrt(var + eps); not centred, y = x̂ w + b with x̂ = x r, r = 1/sqrt(mean(x²) + eps).</summary>
    public static void Forward<T>(bool centred, T epsilon, ReadOnlySpan<T> x, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Moments<T> moments, Span<T> y, int rows, int columns)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustBeMatrix(x.Length, rows, columns);
        Lengths.MustAgree(y.Length, x.Length);
        Lengths.MustAgreeOrBeEmpty(weight.Length, columns);
        Lengths.MustAgreeOrBeEmpty(bias.Length, columns);
        moments.Clear(rows);
        fixed (T* px = x, pw = weight, pb = bias, py = y, mean = moments.Mean, rest = moments.Rest, variance = moments.Variance, r = moments.InverseDeviation)
        {
            var kernel = new ForwardKernel<T>(centred, epsilon, px, pw, pb, py, mean, rest, variance, r, rows, columns);
            Ends.Run<T, ForwardKernel<T>>(ref kernel, rows);
        }
    }

    /// <summary>dX = r (dX̂ - mean(dX̂) - x̂ mean(dX̂ x̂)) with dX̂ = dY w, not centred without mean(dX̂); dw += sum of dY x̂, db += sum of dY over the rows.</summary>
    /// <remarks>Spans that are empty are left out.</remarks>
    public static void Backward<T>(
        bool centred, ReadOnlySpan<T> x, ReadOnlySpan<T> dY, ReadOnlySpan<T> weight, Moments<T> moments, Span<T> dWeight, Span<T> dBias, Span<T> dX, int rows, int columns)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustBeMatrix(x.Length, rows, columns);
        Lengths.MustAgree(dY.Length, x.Length);
        Lengths.MustAgreeOrBeEmpty(weight.Length, columns);
        Lengths.MustAgreeOrBeEmpty(dWeight.Length, columns);
        Lengths.MustAgreeOrBeEmpty(dBias.Length, columns);
        Lengths.MustAgreeOrBeEmpty(dX.Length, x.Length);
        Lengths.MustAgree(moments.Count, rows);
        moments.Sum.Clear();
        moments.SumTimes.Clear();
        fixed (T* px = x, pdy = dY, pw = weight, pdw = dWeight, pdb = dBias, pdx = dX)
        fixed (T* mean = moments.Mean, rest = moments.Rest, r = moments.InverseDeviation, sum = moments.Sum, sumTimes = moments.SumTimes)
        {
            var kernel = new BackwardKernel<T>(centred, px, pdy, pw, pdw, pdb, pdx, mean, rest, r, sum, sumTimes, rows, columns);
            Ends.Run<T, BackwardKernel<T>>(ref kernel, rows);
        }
    }

    private readonly struct ForwardKernel<T>(
        bool centred, T epsilon, T* xs, T* weight, T* bias, T* ys, T* means, T* rests, T* variances, T* rs, int rowCount, int columns) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        // Pointers that the loops use are locals: fields would be read again after each store.
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                T* mean = means, rest = rests, variance = variances, r = rs;
                nint rows = rowCount;
                V m = V.Broadcast(T.CreateChecked(columns)), eps = V.Broadcast(epsilon);
                if (centred)
                {
                    for (var j = 0; j < columns; j++)
                    {
                        var x = xs + j * rows;
                        for (nint i = 0; i < rows; i += V.Count) (V.Load(mean + i) + Ends.Load<T, V>(x + i, rows - i)).Store(mean + i);
                    }

                    for (nint i = 0; i < rows; i += V.Count) (V.Load(mean + i) / m).Store(mean + i);
                }

                for (var j = 0; j < columns; j++)
                {
                    var x = xs + j * rows;
                    for (nint i = 0; i < rows; i += V.Count)
                    {
                        var d = Ends.Load<T, V>(x + i, rows - i) - V.Load(mean + i);
                        (V.Load(rest + i) + d).Store(rest + i);
                        (V.Load(variance + i) + d * d).Store(variance + i);
                    }
                }

                for (nint i = 0; i < rows; i += V.Count)
                {
                    // var = mean(d²) - mean(d)²      r = 1/sqrt(var + eps)
                    var meanOfD = centred ? V.Load(rest + i) / m : V.Zero;
                    var var = V.AtLeast(V.Zero, V.Load(variance + i) / m - meanOfD * meanOfD);
                    meanOfD.Store(rest + i);
                    var.Store(variance + i);
                    V.Keep(V.Broadcast(T.One) / V.Sqrt(var + eps), (int)nint.Min(rows - i, V.Count)).Store(r + i);    // 0 beyond the end, so that sums over rows see nothing there
                }

                for (var j = 0; j < columns; j++)
                {
                    T* x = xs + j * rows, y = ys + j * rows;
                    V w = V.Broadcast(weight is null ? T.One : weight[j]), b = V.Broadcast(bias is null ? T.Zero : bias[j]);
                    for (nint i = 0; i < rows; i += V.Count)
                    {
                        // y = (x - mean) r w + b
                        var xHat = (Ends.Load<T, V>(x + i, rows - i) - V.Load(mean + i) - V.Load(rest + i)) * V.Load(r + i);
                        Ends.Store(xHat * w + b, y + i, rows - i);
                    }
                }
            }
        }
    }

    private readonly struct BackwardKernel<T>(
        bool centred, T* xs, T* dYs, T* weight, T* dWeight, T* dBias, T* dXs, T* means, T* rests, T* rs, T* sums, T* sumsTimes, int rowCount, int columns) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                T* mean = means, rest = rests, r = rs, sum = sums, sumTimes = sumsTimes;
                nint rows = rowCount;
                for (var j = 0; j < columns; j++)
                {
                    T* x = xs + j * rows, dY = dYs + j * rows;
                    V w = V.Broadcast(weight is null ? T.One : weight[j]);
                    PartialSums<T, V> dw = default, db = default;
                    for (nint i = 0; i < rows; i += V.Count)
                    {
                        // dw += sum of dY x̂      db += sum of dY      dX̂ = dY w
                        var xHat = (Ends.Load<T, V>(x + i, rows - i) - V.Load(mean + i) - V.Load(rest + i)) * V.Load(r + i);
                        V dy = Ends.Load<T, V>(dY + i, rows - i), dXHat = dy * w;
                        dw.Add(dy * xHat);
                        db.Add(dy);
                        (V.Load(sum + i) + dXHat).Store(sum + i);
                        (V.Load(sumTimes + i) + dXHat * xHat).Store(sumTimes + i);
                    }

                    if (dWeight is not null) dWeight[j] += dw.Total;
                    if (dBias is not null) dBias[j] += db.Total;
                }

                if (dXs is null) return;
                var m = V.Broadcast(T.CreateChecked(columns));
                for (nint i = 0; i < rows; i += V.Count)
                {
                    (centred ? V.Load(sum + i) / m : V.Zero).Store(sum + i);
                    (V.Load(sumTimes + i) / m).Store(sumTimes + i);
                }

                for (var j = 0; j < columns; j++)
                {
                    T* x = xs + j * rows, dY = dYs + j * rows, dX = dXs + j * rows;
                    V w = V.Broadcast(weight is null ? T.One : weight[j]);
                    for (nint i = 0; i < rows; i += V.Count)
                    {
                        // dX = r (dX̂ - mean(dX̂) - x̂ mean(dX̂ x̂))
                        var xHat = (Ends.Load<T, V>(x + i, rows - i) - V.Load(mean + i) - V.Load(rest + i)) * V.Load(r + i);
                        var dXHat = Ends.Load<T, V>(dY + i, rows - i) * w;
                        Ends.Store(V.Load(r + i) * (dXHat - V.Load(sum + i) - xHat * V.Load(sumTimes + i)), dX + i, rows - i);
                    }
                }
            }
        }
    }
}

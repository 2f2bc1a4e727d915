using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Simd;

namespace Backprop.Tests.Kernels;

/// <summary>
/// What each kernel computes, in plain loops over column-major arrays: to be read beside it, and to be agreed with bit for bit. The loops add in the order that the
/// kernel promises, and fuse a multiplication with an addition where it does: in products alone.
/// </summary>
internal static class Reference
{
    /// <summary>Y = X W^T + b: an entry is one chain of multiply-adds, from b on, over the inner dimension in ascending order.</summary>
    public static T[] TimesTransposed<T>(T[] x, T[] w, T[] b, int n, int k, int m) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var y = new T[n * m];
        for (var j = 0; j < m; j++)
            for (var i = 0; i < n; i++)
            {
                var sum = b.Length == 0 ? T.Zero : b[j];
                for (var p = 0; p < k; p++) sum = T.MultiplyAddEstimate(x[i + p * n], w[j + p * m], sum);
                y[i + j * n] = sum;
            }

        return y;
    }

    /// <summary>C = A B: the same from 0 on.</summary>
    public static T[] Times<T>(T[] a, T[] b, int n, int m, int k) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var c = new T[n * k];
        for (var j = 0; j < k; j++)
            for (var i = 0; i < n; i++)
            {
                var sum = T.Zero;
                for (var p = 0; p < m; p++) sum = T.MultiplyAddEstimate(a[i + p * n], b[p + j * m], sum);
                c[i + j * n] = sum;
            }

        return c;
    }

    /// <summary>C + A^T B: the same from C on.</summary>
    public static T[] AddTransposeTimes<T>(T[] a, T[] b, T[] c, int n, int m, int k) where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] result = [.. c];
        for (var j = 0; j < k; j++)
            for (var i = 0; i < m; i++)
                for (var p = 0; p < n; p++) result[i + j * m] = T.MultiplyAddEstimate(a[p + i * n], b[p + j * n], result[i + j * m]);
        return result;
    }

    /// <summary>The sum in double of blocks of 128 floats or 4,096 doubles, each by <see cref="PartialSums{T}"/>.</summary>
    public static double Sum<T>(T[] x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (total, block) = (0.0, typeof(T) == typeof(float) ? 128 : 4096);
        for (var start = 0; start < x.Length; start += block) total += double.CreateTruncating(PartialSums(x[start..int.Min(start + block, x.Length)]));
        return total;
    }

    /// <summary>64 bytes of partial sums, element i in number i modulo their count; then added by halves.</summary>
    public static T PartialSums<T>(T[] x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var partial = new T[64 / Unsafe.SizeOf<T>()];
        for (var i = 0; i < x.Length; i++) partial[i % partial.Length] += x[i];
        for (var half = partial.Length / 2; half > 0; half /= 2)
            for (var l = 0; l < half; l++) partial[l] += partial[l + half];
        return partial[0];
    }

    /// <summary>sums[j] + the sum of column j.</summary>
    public static T[] AddColumnSums<T>(T[] matrix, int rows, T[] sums) where T : unmanaged, IFloatingPointIeee754<T> =>
        [.. sums.Select((before, j) => before + T.CreateTruncating(Sum(Column(matrix, rows, j))))];

    /// <summary>Mean and variance of each row, from left to right, or 0 and mean(x²) where not centred; y = (x - mean) r w + b, r = 1/sqrt(var + eps).</summary>
    public static Normalized<T> NormalizeRows<T>(bool centred, T epsilon, T[] x, T[] weight, T[] bias, int rows, int columns) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var result = new Normalized<T>(rows, x.Length);
        var m = T.CreateChecked(columns);
        for (var i = 0; i < rows; i++)
        {
            T sum = T.Zero, sumOfD = T.Zero, sumOfSquares = T.Zero;
            for (var j = 0; j < columns && centred; j++) sum += x[i + j * rows];
            var mean = sum / m;
            for (var j = 0; j < columns; j++)
            {
                var d = x[i + j * rows] - mean;
                sumOfD += d;
                sumOfSquares += d * d;
            }

            result.Set(i, mean, centred ? sumOfD / m : T.Zero, sumOfSquares / m, epsilon);
            for (var j = 0; j < columns; j++) result.Y[i + j * rows] = result.XHat(i, x[i + j * rows]) * At(weight, j, T.One) + At(bias, j, T.Zero);
        }

        return result;
    }

    /// <summary>dX = r (dX̂ - mean(dX̂) - x̂ mean(dX̂ x̂)) with dX̂ = dY w, not centred without mean(dX̂); dw + sum of dY x̂, db + sum of dY.</summary>
    public static (T[] DX, T[] DWeight, T[] DBias) NormalizeRowsBackward<T>(bool centred, Normalized<T> forward, T[] x, T[] dY, T[] weight, T[] dWeight, T[] dBias, int rows, int columns)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var dX = new T[x.Length];
        var m = T.CreateChecked(columns);
        for (var i = 0; i < rows; i++)
        {
            T sum = T.Zero, sumTimes = T.Zero;
            for (var j = 0; j < columns; j++)
            {
                var dXHat = dY[i + j * rows] * At(weight, j, T.One);
                sum += dXHat;
                sumTimes += dXHat * forward.XHat(i, x[i + j * rows]);
            }

            T mean = centred ? sum / m : T.Zero, meanTimes = sumTimes / m;
            for (var j = 0; j < columns; j++)
                dX[i + j * rows] = forward.R[i] * (dY[i + j * rows] * At(weight, j, T.One) - mean - forward.XHat(i, x[i + j * rows]) * meanTimes);
        }

        return (dX, [.. dWeight.Select((before, j) => before + PartialSums([.. Enumerable.Range(0, rows).Select(i => dY[i + j * rows] * forward.XHat(i, x[i + j * rows]))]))],
            [.. dBias.Select((before, j) => before + PartialSums(Column(dY, rows, j)))]);
    }

    /// <summary>The same of each column, whose sums are those of <see cref="PartialSums{T}"/>; the moments are its own, or else given.</summary>
    public static Normalized<T> NormalizeColumns<T>(T[]? means, T[]? variances, T epsilon, T[] x, T[] weight, T[] bias, int rows, int columns) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var result = new Normalized<T>(columns, x.Length);
        var n = T.CreateChecked(rows);
        for (var j = 0; j < columns; j++)
        {
            if (means is null)
            {
                var mean = PartialSums(Column(x, rows, j)) / n;
                T[] d = [.. Column(x, rows, j).Select(value => value - mean)];
                result.Set(j, mean, PartialSums(d) / n, PartialSums([.. d.Select(value => value * value)]) / n, epsilon);
            }
            else
            {
                result.Set(j, means[j], T.Zero, variances![j], epsilon);
            }

            for (var i = 0; i < rows; i++) result.Y[i + j * rows] = result.XHat(j, x[i + j * rows]) * At(weight, j, T.One) + At(bias, j, T.Zero);
        }

        return result;
    }

    /// <summary>dX = w r (dY - mean(dY) - x̂ mean(dY x̂)), or w r dY where the moments were given; dw + sum of dY x̂, db + sum of dY.</summary>
    public static (T[] DX, T[] DWeight, T[] DBias) NormalizeColumnsBackward<T>(bool own, Normalized<T> forward, T[] x, T[] dY, T[] weight, T[] dWeight, T[] dBias, int rows, int columns)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] dX = new T[x.Length], newWeight = [.. dWeight], newBias = [.. dBias];
        var n = T.CreateChecked(rows);
        for (var j = 0; j < columns; j++)
        {
            T[] xHat = [.. Column(x, rows, j).Select(value => forward.XHat(j, value))], dy = Column(dY, rows, j);
            T sumOfDY = PartialSums(dy), sumOfDYXHat = PartialSums([.. dy.Zip(xHat, (a, b) => a * b)]);
            if (newWeight.Length > 0) newWeight[j] += sumOfDYXHat;
            if (newBias.Length > 0) newBias[j] += sumOfDY;
            var wr = weight.Length == 0 ? forward.R[j] : weight[j] * forward.R[j];
            for (var i = 0; i < rows; i++) dX[i + j * rows] = own ? wr * (dy[i] - sumOfDY / n - xHat[i] * (sumOfDYXHat / n)) : wr * dy[i];
        }

        return (dX, newWeight, newBias);
    }

    /// <summary>y = e^(x - m) (1 / S), where m is the row's greatest x and S the row's sum of e^(x - m).</summary>
    public static T[] Softmax<T>(T[] x, int rows, int columns) where T : unmanaged, IFloatingPointIeee754<T> => ByRow(x, x, rows, (row, _) =>
    {
        T[] e = [.. row.Select(value => Exp(value - row.Max()))];
        var scale = T.One / SumInBlocks(e);
        return [.. e.Select(value => value * scale)];
    });

    /// <summary>dX = y (dY - s), where s is the row's sum of dY y.</summary>
    public static T[] SoftmaxBackward<T>(T[] y, T[] dY, int rows, int columns) where T : unmanaged, IFloatingPointIeee754<T> => ByRow(y, dY, rows, (s, d) =>
    {
        var total = SumInBlocks([.. s.Zip(d, (a, b) => a * b)]);
        return [.. s.Zip(d, (a, b) => a * (b - total))];
    });

    /// <summary>y = x - m - log(S).</summary>
    public static T[] LogSoftmax<T>(T[] x, int rows, int columns) where T : unmanaged, IFloatingPointIeee754<T> => ByRow(x, x, rows, (row, _) =>
    {
        T greatest = row.Max(), log = Log(SumInBlocks([.. row.Select(value => Exp(value - greatest))]));
        return [.. row.Select(value => value - greatest - log)];
    });

    /// <summary>dX = dY - e^y s, where s is the row's sum of dY.</summary>
    public static T[] LogSoftmaxBackward<T>(T[] y, T[] dY, int rows, int columns) where T : unmanaged, IFloatingPointIeee754<T> => ByRow(y, dY, rows, (log, d) =>
    {
        var total = SumInBlocks(d);
        return [.. log.Zip(d, (a, b) => b - Exp(a) * total)];
    });

    /// <summary>The greatest x of each row, and log of the sum of e^(x - max).</summary>
    public static (T[] Max, T[] LogSum) LogSumExp<T>(T[] x, int rows, int stride, int classes) where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] max = new T[rows], logSum = new T[rows];
        for (var i = 0; i < rows; i++)
        {
            var row = Row(x, i, stride, classes);
            max[i] = row.Max();
            logSum[i] = Log(SumInBlocks([.. row.Select(value => Exp(value - row.Max()))]));
        }

        return (max, logSum);
    }

    /// <summary>-sum of q_c (x_c - max - logSum), with q_c = w_c (floor + share t_c).</summary>
    public static T[] CrossEntropyLosses<T>(T[] x, int stride, int classes, T[] max, T[] logSum, T[] weights, T[] t, T floor, T share, int rows) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var losses = new T[rows];
        for (var i = 0; i < rows; i++)
            losses[i] = -SumInBlocks([.. Enumerable.Range(0, classes).Select(c => Counts(weights, t, floor, share, c, i + c * stride) * (x[i + c * stride] - max[i] - logSum[i]))]);
        return losses;
    }

    /// <summary>dX_c = dL (s_c (q + sum of q_k) - q_c); what lies between the rows stays as it was.</summary>
    public static T[] CrossEntropyGradient<T>(T[] x, int stride, int classes, T[] dL, T[] q, T[] weights, T[] t, T floor, T share, T[] before) where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] dX = [.. before];
        for (var i = 0; i < dL.Length; i++)
        {
            var row = Row(x, i, stride, classes);
            T[] e = [.. row.Select(value => Exp(value - row.Max()))];
            var total = q[i];
            for (var c = 0; c < classes; c++) total += Counts(weights, t, floor, share, c, i + c * stride);
            var factor = dL[i] * total / SumInBlocks(e);
            for (var c = 0; c < classes; c++) dX[i + c * stride] = factor * e[c] - dL[i] * Counts(weights, t, floor, share, c, i + c * stride);
        }

        return dX;
    }

    // The elementary functions are the library's own, one number at a time: they have tests of their own.

    private static T Exp<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => Scalar<T>.Sum(MathFunctions<T>.Exp(Scalar<T>.Broadcast(x)));

    private static T Log<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => Scalar<T>.Sum(MathFunctions<T>.Log(Scalar<T>.Broadcast(x)));

    private static T Counts<T>(T[] weights, T[] t, T floor, T share, int c, int at) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var q = t.Length == 0 ? floor : floor + share * t[at];
        return weights.Length == 0 ? q : weights[c] * q;
    }

    /// <summary>Blocks of 64, each from left to right, added from left to right.</summary>
    private static T SumInBlocks<T>(T[] values) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var total = T.Zero;
        foreach (var block in values.Chunk(64))
        {
            var sum = T.Zero;
            foreach (var value in block) sum += value;
            total += sum;
        }

        return total;
    }

    private static T[] ByRow<T>(T[] a, T[] b, int rows, Func<T[], T[], T[]> function)
    {
        var result = new T[a.Length];
        for (var i = 0; i < rows; i++)
        {
            var row = function(Row(a, i, rows, a.Length / rows), Row(b, i, rows, b.Length / rows));
            for (var j = 0; j < row.Length; j++) result[i + j * rows] = row[j];
        }

        return result;
    }

    private static T[] Row<T>(T[] matrix, int i, int stride, int columns) => [.. Enumerable.Range(0, columns).Select(j => matrix[i + j * stride])];

    private static T[] Column<T>(T[] matrix, int rows, int j) => matrix[(j * rows)..((j + 1) * rows)];

    private static T At<T>(T[] values, int index, T otherwise) => values.Length == 0 ? otherwise : values[index];

    /// <summary>A normalisation's result, and the moments that its backward pass needs.</summary>
    internal sealed class Normalized<T>(int count, int entries) where T : unmanaged, IFloatingPointIeee754<T>
    {
        public readonly T[] Y = new T[entries], R = new T[count], Mean = new T[count], Rest = new T[count];

        /// <summary>rest = mean(d) and var = mean(d²) - rest², with d = x - mean.</summary>
        public void Set(int index, T mean, T rest, T meanOfSquares, T epsilon)
        {
            var variance = meanOfSquares - rest * rest;
            (Mean[index], Rest[index], R[index]) = (mean, rest, T.One / T.Sqrt((variance < T.Zero ? T.Zero : variance) + epsilon));
        }

        public T XHat(int index, T x) => (x - Mean[index] - Rest[index]) * R[index];
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>The matrix products of a linear layer, on column-major spans.</summary>
/// <remarks>
/// Every entry of a result is one chain of multiply-adds, c = a b + c, over the inner dimension in ascending order, in whichever
/// kernel, vector width, block or thread it is computed. So where the hardware fuses multiply and add, all of them give the same bits.
/// </remarks>
internal static unsafe class Products
{
    // Below so many multiply-adds, three plain loops are done before a kernel has begun.
    private const long FewMultiplyAdds = 160;

    /// <summary>Entries in a vector of this machine's width.</summary>
    internal static int Lanes<T>() => Math.Max(Dispatch.Bytes / Unsafe.SizeOf<T>(), 1);

    /// <summary>Y = X W^T + b, with X (n x k), W (m x k), b (m, or empty for none), Y (n x m).</summary>
    internal static void TimesTransposed<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> w, ReadOnlySpan<T> b, Span<T> y, int n, int k, int m)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        unchecked
        {
            Lengths.MustBeMatrix(x.Length, n, k);
            Lengths.MustBeMatrix(w.Length, m, k);
            Lengths.MustBeMatrix(y.Length, n, m);
            Lengths.MustAgreeOrBeEmpty(b.Length, m);
            fixed (T* xs = x, ws = w, bs = b, ys = y)
            {
                var multiplyAdds = (long)n * k * m;
                var done = multiplyAdds > FewMultiplyAdds && FewRows<T>.Fit(n, m) ? FewRows<T>.Run(xs, ws, bs, ys, n, k, m, Workers.For(multiplyAdds)) : 0;
                if ((long)n * k * (m - done) <= FewMultiplyAdds)
                {
                    Few(xs, 1, n, ws + done, m, 1, ys + done * (nint)n, n, n, m - done, k, bs + done, 0, b.IsEmpty ? 0 : 1);
                    return;
                }

                // Vectors run along the longer side of the result: few rows are computed as Y^T = W X^T, in which the bias is there before.
                Strided<T> left = new(ws + done, 1, m), result = new(ys + done * (nint)n, 1, n);
                var product = new Product<T> { A = new(xs, 1, n), B = new(left.Start, m, 1), C = result, Rows = n, Columns = m - done, Inner = k, Bias = b.IsEmpty ? null : bs + done };
                if (n < Lanes<T>() && n < m - done)
                {
                    for (nint j = 0; j < m - done; j++)
                        for (nint i = 0; i < n; i++) *result.At(i, j) = b.IsEmpty ? T.Zero : product.Bias[j];
                    product = new() { A = left, B = new(xs, n, 1), C = new(result.Start, n, 1), Rows = m - done, Columns = n, Inner = k, Accumulate = true };
                }

                Run(ref product);
            }
        }
    }

    /// <summary>C = A B, with A (n x m), B (m x k), C (n x k); or C += A B.</summary>
    internal static void Times<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> c, int n, int m, int k, bool accumulate = false)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustBeMatrix(a.Length, n, m);
        Lengths.MustBeMatrix(b.Length, m, k);
        Lengths.MustBeMatrix(c.Length, n, k);
        fixed (T* xa = a, xb = b, xc = c)
        {
            var product = new Product<T> { A = new(xa, 1, n), B = new(xb, 1, m), C = new(xc, 1, n), Rows = n, Columns = k, Inner = m, Accumulate = accumulate };
            Run(ref product);
        }
    }

    /// <summary>C += A^T B, with A (n x m), B (n x k), C (m x k).</summary>
    internal static void AddTransposeTimes<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> c, int n, int m, int k)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustBeMatrix(a.Length, n, m);
        Lengths.MustBeMatrix(b.Length, n, k);
        Lengths.MustBeMatrix(c.Length, m, k);
        fixed (T* xa = a, xb = b, xc = c)
        {
            var product = new Product<T> { A = new(xa, n, 1), B = new(xb, 1, n), C = new(xc, 1, m), Rows = m, Columns = k, Inner = n, Accumulate = true };
            Run(ref product);
        }
    }

    /// <summary>Any product on this thread alone: for kernels whose parts run on several already. The rows of C lie side by side.</summary>
    internal static void RunHere<T>(ref Product<T> product) where T : unmanaged, IFloatingPointIeee754<T>
    {
        unchecked
        {
            if ((long)product.Rows * product.Columns * product.Inner <= FewMultiplyAdds) Few(ref product);
            else Dispatch.Run<T, Product<T>>(ref product);
        }
    }

    /// <summary>Any product, with as many threads as it is worth. The rows of C lie side by side.</summary>
    internal static void Run<T>(ref Product<T> product) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var multiplyAdds = (long)product.Rows * product.Columns * product.Inner;
        if (multiplyAdds <= FewMultiplyAdds)
        {
            Few(ref product);
        }
        else if (Workers.For(multiplyAdds) is > 1 and var threads)
        {
            var split = new SplitProduct<T>(product, threads);
            Workers.Run(ref split, split.Parts);
        }
        else
        {
            Dispatch.Run<T, Product<T>>(ref product);
        }
    }

    private static void Few<T>(ref Product<T> product) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var c = product.C.Start;
        Few(product.A.Start, product.A.Row, product.A.Column, product.B.Start, product.B.Row, product.B.Column, c, product.C.Column, product.Rows, product.Columns, product.Inner,
            product.Bias != null ? product.Bias : c, product.Bias != null ? 0 : 1, product.Bias != null ? 1 : product.Accumulate ? product.C.Column : 0);
    }

    /// <summary>C = start + A B in plain loops, where the rows of C lie side by side; four rows at a time, so that no chain waits for itself alone. Without a start, whose columns are then 0 apart, from 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Few<T>(T* a, nint aRow, nint aColumn, T* b, nint bRow, nint bColumn, T* c, nint cColumn, int rows, int columns, int inner, T* start, nint startRow, nint startColumn)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        unchecked
        {
            for (var j = columns; j > 0; j--, b += bColumn, c += cColumn, start += startColumn)
            {
                T* ai = a, from = start;
                var i = 0;
                for (; i + 4 <= rows; i += 4, ai += 4 * aRow, from += 4 * startRow)
                {
                    T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero;
                    if (startColumn != 0) (s0, s1, s2, s3) = (*from, from[startRow], from[2 * startRow], from[3 * startRow]);
                    T* aip = ai, bpj = b;
                    for (var p = inner; p > 0; p--, aip += aColumn, bpj += bRow)
                    {
                        var x = *bpj;
                        s0 = T.MultiplyAddEstimate(*aip, x, s0);
                        s1 = T.MultiplyAddEstimate(aip[aRow], x, s1);
                        s2 = T.MultiplyAddEstimate(aip[2 * aRow], x, s2);
                        s3 = T.MultiplyAddEstimate(aip[3 * aRow], x, s3);
                    }

                    (c[i], c[i + 1], c[i + 2], c[i + 3]) = (s0, s1, s2, s3);
                }

                for (; i < rows; i++, ai += aRow, from += startRow)
                {
                    var sum = startColumn != 0 ? *from : T.Zero;
                    T* aip = ai, bpj = b;
                    for (var p = inner; p > 0; p--, aip += aColumn, bpj += bRow) sum = T.MultiplyAddEstimate(*aip, *bpj, sum);
                    c[i] = sum;
                }
            }
        }
    }
}

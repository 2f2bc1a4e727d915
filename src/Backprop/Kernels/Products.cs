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

    // From so many on, a second thread saves more than it costs to call it.
    private const long ManyMultiplyAdds = 128 * 1024;

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
                var done = multiplyAdds > FewMultiplyAdds && FewRows<T>.Fit(n, m) ? FewRows<T>.Run(xs, ws, bs, ys, n, k, m, multiplyAdds < ManyMultiplyAdds ? 1 : Workers.Available) : 0;
                if (done == m) return;

                for (var j = done; j < m; j++)
                {
                    var column = y.Slice(j * n, n);
                    var start = b.IsEmpty ? T.Zero : b[j];
                    if (n >= 16) column.Fill(start);
                    else for (var i = 0; i < column.Length; i++) column[i] = start;
                }

                // Vectors run along the longer side of the result: few rows are computed as Y^T = W X^T.
                Strided<T> left = new(ws + done, 1, m), result = new(ys + done * (nint)n, 1, n);
                var product = n >= Lanes<T>() || n >= m - done
                    ? new Product<T> { A = new(xs, 1, n), B = new(left.Start, m, 1), C = result, Rows = n, Columns = m - done, Inner = k, Accumulate = true }
                    : new Product<T> { A = left, B = new(xs, n, 1), C = new(result.Start, n, 1), Rows = m - done, Columns = n, Inner = k, Accumulate = true };
                Run(ref product);
            }
        }
    }

    /// <summary>C = A B, with A (n x m), B (m x k), C (n x k).</summary>
    internal static void Times<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> c, int n, int m, int k)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustBeMatrix(a.Length, n, m);
        Lengths.MustBeMatrix(b.Length, m, k);
        Lengths.MustBeMatrix(c.Length, n, k);
        fixed (T* xa = a, xb = b, xc = c)
        {
            var product = new Product<T> { A = new(xa, 1, n), B = new(xb, 1, m), C = new(xc, 1, n), Rows = n, Columns = k, Inner = m };
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

    private static void Run<T>(ref Product<T> product) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var multiplyAdds = (long)product.Rows * product.Columns * product.Inner;
        if (multiplyAdds <= FewMultiplyAdds)
        {
            Few(ref product);
        }
        else if (multiplyAdds < ManyMultiplyAdds || Workers.Available == 1)
        {
            Dispatch.Run<T, Product<T>>(ref product);
        }
        else
        {
            var split = new SplitProduct<T>(product);
            Workers.Run(ref split, Workers.Available);
        }
    }

    /// <summary>Three plain loops.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Few<T>(ref Product<T> product) where T : unmanaged, IFloatingPointIeee754<T>
    {
        unchecked
        {
            var (a, b, c, inner) = (product.A, product.B, product.C, product.Inner);
            var accumulate = product.Accumulate;
            for (var j = 0; j < product.Columns; j++)
            {
                T* ai = a.Start, bj = b.At(0, j), cij = c.At(0, j);
                for (var i = product.Rows; i > 0; i--, ai += a.Row, cij += c.Row)
                {
                    var sum = accumulate ? *cij : T.Zero;
                    T* aip = ai, bpj = bj;
                    for (var p = inner; p > 0; p--, aip += a.Column, bpj += b.Row) sum = T.MultiplyAddEstimate(*aip, *bpj, sum);
                    *cij = sum;
                }
            }
        }
    }
}

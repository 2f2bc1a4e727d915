using System.Numerics;

namespace Backprop.Kernels;

/// <summary>The matrix products of a linear layer, on column-major spans.</summary>
internal static class Products
{
    /// <summary>Y = X W^T + b, with X (n x k), W (m x k), b (m, or empty for none), Y (n x m).</summary>
    internal static void TimesTransposed<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> w, ReadOnlySpan<T> b, Span<T> y, int n, int k, int m)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (var j = 0; j < m; j++)
            for (var i = 0; i < n; i++)
            {
                var sum = b.IsEmpty ? T.Zero : b[j];
                for (var p = 0; p < k; p++) sum = T.MultiplyAddEstimate(x[i + p * n], w[j + p * m], sum);
                y[i + j * n] = sum;
            }
    }

    /// <summary>C = A B, with A (n x m), B (m x k), C (n x k).</summary>
    internal static void Times<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> c, int n, int m, int k)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (var j = 0; j < k; j++)
            for (var i = 0; i < n; i++)
            {
                var sum = T.Zero;
                for (var p = 0; p < m; p++) sum = T.MultiplyAddEstimate(a[i + p * n], b[p + j * m], sum);
                c[i + j * n] = sum;
            }
    }

    /// <summary>C += A^T B, with A (n x m), B (n x k), C (m x k).</summary>
    internal static void AddTransposeTimes<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> c, int n, int m, int k)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (var j = 0; j < k; j++)
            for (var i = 0; i < m; i++)
            {
                var sum = c[i + j * m];
                for (var p = 0; p < n; p++) sum = T.MultiplyAddEstimate(a[p + i * n], b[p + j * n], sum);
                c[i + j * m] = sum;
            }
    }

    /// <summary>s += the sum over the rows of A, with A (n x m), s (m).</summary>
    internal static void AddSumOverRows<T>(ReadOnlySpan<T> a, Span<T> s, int n, int m)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (var j = 0; j < m; j++)
            for (var i = 0; i < n; i++)
                s[j] += a[i + j * n];
    }
}

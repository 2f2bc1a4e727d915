using System.Numerics;
using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Explain;

/// <summary>Norms of many numbers, in double: squares of floats may overflow.</summary>
internal static class Norms
{
    private const int Some = 512;

    /// <summary>The entries of a dense matrix, column after column, without a copy.</summary>
    internal static ReadOnlySpan<T> Entries<T>(Matrix<T> matrix) where T : unmanaged, IFloatingPointIeee754<T> => matrix.AsColumnMajorArray() ?? matrix.ToColumnMajorArray();

    /// <summary>The sum of the squares.</summary>
    internal static double Squares<T>(ReadOnlySpan<T> values) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sum = 0.0;
        Span<double> some = stackalloc double[Some];
        for (; values.Length > 0; values = values[Math.Min(Some, values.Length)..])
        {
            var now = values[..Math.Min(Some, values.Length)];
            TensorPrimitives.ConvertTruncating(now, some);
            sum += TensorPrimitives.SumOfSquares<double>(some[..now.Length]);
        }

        return sum;
    }

    /// <summary>The sum of the squares of the differences.</summary>
    internal static double SquaredDistance<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sum = 0.0;
        Span<double> some = stackalloc double[Some], others = stackalloc double[Some];
        for (var from = 0; from < a.Length; from += Some)
        {
            var count = Math.Min(Some, a.Length - from);
            TensorPrimitives.ConvertTruncating(a.Slice(from, count), some);
            TensorPrimitives.ConvertTruncating(b.Slice(from, count), others);
            TensorPrimitives.Subtract<double>(some[..count], others[..count], some);
            sum += TensorPrimitives.SumOfSquares<double>(some[..count]);
        }

        return sum;
    }

    /// <summary>Whether all rows of a matrix are equal, up to rounding. Of other matrices it reads little more than a column.</summary>
    internal static bool HasEqualRows<T>(ReadOnlySpan<T> entries, int rows) where T : unmanaged, IFloatingPointIeee754<T>
    {
        const double Rounding = 1e-6;
        for (var j = 0; j < entries.Length; j += rows)
        {
            var first = double.CreateTruncating(entries[j]);
            for (var i = 1; i < rows; i++)
                if (!(Math.Abs(double.CreateTruncating(entries[j + i]) - first) <= Rounding * Math.Abs(first))) return false;
        }

        return true;
    }
}

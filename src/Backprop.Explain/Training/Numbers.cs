using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Explain;

/// <summary>Norms of many numbers, in double: squares of floats may overflow.</summary>
internal static class Numbers
{
    /// <summary>The entries of a dense matrix, column after column, without a copy.</summary>
    internal static ReadOnlySpan<T> Entries<T>(Matrix<T> matrix) where T : unmanaged, IFloatingPointIeee754<T> => matrix.AsColumnMajorArray() ?? matrix.ToColumnMajorArray();

    /// <summary>The sum of the squares.</summary>
    internal static double Squares<T>(ReadOnlySpan<T> values) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sum = 0.0;
        foreach (var value in values)
        {
            var v = double.CreateTruncating(value);
            sum += v * v;
        }

        return sum;
    }

    /// <summary>The sum of the squares of the differences.</summary>
    internal static double SquaredDistance<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
        {
            var d = double.CreateTruncating(a[i]) - double.CreateTruncating(b[i]);
            sum += d * d;
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

using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Kernels;

internal static class MatrixSpans
{
    /// <summary>The entries of a matrix known to be dense, column after column.</summary>
    internal static Span<T> Span<T>(this Matrix<T> x) where T : struct, IEquatable<T>, IFormattable => x.AsColumnMajorArray();
}

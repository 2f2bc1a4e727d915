using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Storage;

namespace Backprop;

/// <summary>The entries of matrices as spans, for authors of layers and losses.</summary>
public static class MatrixSpans
{
    /// <summary>The entries of a dense matrix, column after column; writing changes the matrix. What a pass hands to a layer is dense.</summary>
    /// <param name="x">The matrix.</param>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not dense.</exception>
    public static Span<T> Span<T>(this Matrix<T> x) where T : struct, IEquatable<T>, IFormattable =>
        x?.Storage is DenseColumnMajorMatrixStorage<T> storage ? storage.Data : Operand.Dense("Span", x!, nameof(x));
}

using System.Numerics;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Storage;

namespace Backprop.Kernels;

/// <summary>
/// A result matrix that a pass reuses. It remembers the last two shapes, so that a shorter last batch of an
/// epoch allocates once and never again.
/// </summary>
internal struct ReusedMatrix<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private Matrix<T>? _latest, _other;

    /// <summary>A dense matrix of this shape with unspecified contents, whose entries are not those of <paramref name="operand"/>.</summary>
    internal Matrix<T> Get(int rows, int columns, Matrix<T>? operand = null)
    {
        if (Fits(_latest, rows, columns, operand)) return _latest!;
        (_latest, _other) = (_other, _latest);
        if (!Fits(_latest, rows, columns, operand)) _latest = Matrix<T>.Build.Dense(rows, columns);
        return _latest!;
    }

    // Whoever feeds a pass its own result back must not have it overwritten while it is being read.
    private static bool Fits(Matrix<T>? candidate, int rows, int columns, Matrix<T>? operand) =>
        candidate is not null && candidate.RowCount == rows && candidate.ColumnCount == columns && !Same(candidate, operand);

    /// <summary>Whether two dense matrices are the same place in memory.</summary>
    internal static bool Same(Matrix<T>? a, Matrix<T>? b) =>
        ReferenceEquals(a, b) || (a?.Storage is DenseColumnMajorMatrixStorage<T> one && b?.Storage is DenseColumnMajorMatrixStorage<T> other && ReferenceEquals(one.Data, other.Data));
}

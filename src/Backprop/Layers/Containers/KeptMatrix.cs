using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A matrix to work in that is kept for the next time. It remembers two shapes: the last batch of an epoch is shorter.</summary>
internal struct KeptMatrix<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private Matrix<T>? _latest, _other;

    /// <summary>A dense matrix of this shape; its contents are unspecified.</summary>
    public Matrix<T> Get(int rows, int columns)
    {
        if (Fits(_latest, rows, columns)) return _latest!;
        (_latest, _other) = (_other, _latest);
        return Fits(_latest, rows, columns) ? _latest! : _latest = Matrix<T>.Build.Dense(rows, columns);
    }

    private static bool Fits(Matrix<T>? matrix, int rows, int columns) => matrix is not null && matrix.RowCount == rows && matrix.ColumnCount == columns;
}

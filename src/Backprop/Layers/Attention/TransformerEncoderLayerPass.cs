using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A pass of <see cref="TransformerEncoderLayer{T}"/>: it keeps the sums.</summary>
internal sealed class TransformerEncoderLayerPass<T>(Layer<T> layer, bool training) : ForwardPass<T>(layer, training) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly KeptMatrix<T>[] _sums = new KeptMatrix<T>[3];

    /// <summary>A matrix for one of the sums, of this one's shape; its contents are unspecified.</summary>
    public Matrix<T> Sum(int place, Matrix<T> shape) => _sums[place].Get(shape.RowCount, shape.ColumnCount);
}

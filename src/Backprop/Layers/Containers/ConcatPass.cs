using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A pass of <see cref="Concat{T}"/>: it keeps the parts of dY, one for each branch.</summary>
internal sealed class ConcatPass<T>(Layer<T> layer, bool training) : ForwardPass<T>(layer, training) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly KeptMatrix<T>[] _parts = new KeptMatrix<T>[layer.Children.Count];

    /// <summary>A matrix for a branch's part of dY, of its output's shape; its contents are unspecified.</summary>
    public Matrix<T> Part(int branch, Matrix<T> output) => _parts[branch].Get(output.RowCount, output.ColumnCount);
}

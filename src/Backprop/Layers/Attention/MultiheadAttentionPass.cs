using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A pass of <see cref="MultiheadAttention{T}"/>: it keeps [Q K V].</summary>
internal sealed class MultiheadAttentionPass<T>(Layer<T> layer, bool training) : ForwardPass<T>(layer, training) where T : unmanaged, IFloatingPointIeee754<T>
{
    private KeptMatrix<T> _projected;

    public Matrix<T> Projected(int rows, int columns) => _projected.Get(rows, columns);
}

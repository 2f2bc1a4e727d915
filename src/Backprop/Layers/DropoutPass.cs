using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A pass of <see cref="Dropout{T}"/>: it saves the mask.</summary>
internal sealed class DropoutPass<T>(Layer<T> layer, bool training) : ForwardPass<T>(layer, training) where T : unmanaged, IFloatingPointIeee754<T>
{
    private ReusedMatrix<T> _masks;

    public Matrix<T>? Mask { get; private set; }

    public Matrix<T> NewMask(int rows, int columns) => Mask = _masks.Get(rows, columns);
}

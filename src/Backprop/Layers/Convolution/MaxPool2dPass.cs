using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A pass of <see cref="MaxPool2d{T}"/>: it saves which place of each window was the largest.</summary>
internal sealed class MaxPool2dPass<T>(Layer<T> layer, bool training) : ForwardPass<T>(layer, training) where T : unmanaged, IFloatingPointIeee754<T>
{
    private ReusedMatrix<T> _places;

    public Matrix<T>? Places { get; private set; }

    public Matrix<T> NewPlaces(int rows, int columns) => Places = _places.Get(rows, columns);
}

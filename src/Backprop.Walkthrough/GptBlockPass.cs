using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Walkthrough;

/// <summary>A pass of <see cref="GptBlock{T}"/>: it keeps the sum in the middle, and its gradient.</summary>
internal sealed class GptBlockPass<T>(Layer<T> layer, bool training) : ForwardPass<T>(layer, training) where T : unmanaged, IFloatingPointIeee754<T>
{
    private Matrix<T>? _sum, _gradient;

    public Matrix<T> Sum(Matrix<T> shape) => Of(ref _sum, shape);

    public Matrix<T> SumOfGradients(Matrix<T> shape) => Of(ref _gradient, shape);

    private static Matrix<T> Of(ref Matrix<T>? kept, Matrix<T> shape) => kept is not null && kept.RowCount == shape.RowCount && kept.ColumnCount == shape.ColumnCount
        ? kept
        : kept = Matrix<T>.Build.Dense(shape.RowCount, shape.ColumnCount);
}

using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>How often each class was taken for each.</summary>
public static class ConfusionMatrix
{
    /// <summary>Counts predictions.</summary>
    /// <param name="prediction">What the model says, samples x classes; dense. The largest output counts, ties go to the lower class.</param>
    /// <param name="target">One column of class indices, or a column for each class, of which the largest counts; dense.</param>
    /// <returns>A row for each actual class, a column for each predicted one.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, the rows differ, a class is out of range, or an output is NaN, of which no other is larger
    /// or smaller: no class can be said to be the one predicted.</exception>
    public static int[,] Of<T>(Matrix<T> prediction, Matrix<T> target) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Labels.SameRows(nameof(ConfusionMatrix), prediction, target);
        var counts = new int[prediction.ColumnCount, prediction.ColumnCount];
        for (var i = 0; i < prediction.RowCount; i++)
            counts[Labels.Class(nameof(ConfusionMatrix), prediction, target, i), Labels.Largest(nameof(ConfusionMatrix), prediction, nameof(prediction), i)]++;
        return counts;
    }
}

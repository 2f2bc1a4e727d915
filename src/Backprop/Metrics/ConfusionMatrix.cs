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

    /// <summary>The counts as text: a line for each actual class, a column for each predicted one, with their names.</summary>
    /// <param name="counts">What <see cref="Of"/> gives.</param>
    /// <param name="names">The classes' names; none for their numbers.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The counts are not square, or there is not a name for each class.</exception>
    public static string ToText(int[,] counts, params string[] names)
    {
        ArgumentNullException.ThrowIfNull(counts);
        ArgumentNullException.ThrowIfNull(names);
        var classes = counts.GetLength(0);
        if (counts.GetLength(1) != classes) throw new ArgumentException($"ConfusionMatrix expects as many columns as rows, but counts is {Signature.Number(classes)}x{Signature.Number(counts.GetLength(1))}.", nameof(counts));
        if (names.Length == 0) names = [.. Enumerable.Range(0, classes).Select(c => Signature.Number(c))];
        if (names.Length != classes) throw new ArgumentException($"ConfusionMatrix expects a name for each of {Signature.Number(classes)} classes, but there are {Signature.Number(names.Length)}.", nameof(names));

        string[] heads = ["actual \\ predicted", .. names];
        var cells = Enumerable.Range(0, classes).Select(i => (string[])[names[i], .. Enumerable.Range(0, classes).Select(j => Signature.Number(counts[i, j]))]).Prepend(heads).ToArray();
        var widths = Enumerable.Range(0, classes + 1).Select(j => cells.Max(row => row[j].Length)).ToArray();
        return string.Join('\n', cells.Select(row => string.Join("  ", row.Select((cell, j) => j == 0 ? cell.PadRight(widths[j]) : cell.PadLeft(widths[j])))));
    }
}

using System.Globalization;
using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The classes that targets and predictions stand for.</summary>
internal static class Labels
{
    internal static void SameRows<T>(string owner, Matrix<T> prediction, Matrix<T> target) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Operand.Dense(owner, prediction, nameof(prediction));
        Operand.Dense(owner, target, nameof(target));
        if (prediction.RowCount != target.RowCount)
            throw new ArgumentException($"{owner} expects a target for each prediction, but prediction is {Operand.Shape(prediction)} and target is {Operand.Shape(target)}.", nameof(target));
    }

    /// <summary>The class that a sample has: its index, or that of its largest column.</summary>
    internal static int Class<T>(string owner, Matrix<T> prediction, Matrix<T> target, int sample) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var classes = prediction.ColumnCount;
        if (classes == 1) throw new ArgumentException($"{owner} expects a column for each class, but prediction is {Operand.Shape(prediction)}.", nameof(prediction));
        if (target.ColumnCount == classes) return Largest(owner, target, nameof(target), sample);
        if (target.ColumnCount != 1) throw new ArgumentException($"{owner} expects 1 column of class indices or {classes} columns, one for each class, but target is {Operand.Shape(target)}.", nameof(target));
        var value = target[sample, 0];
        return T.IsInteger(value) && value >= T.Zero && value < T.CreateChecked(classes)
            ? int.CreateChecked(value)
            : throw new ArgumentOutOfRangeException(nameof(target), string.Create(CultureInfo.InvariantCulture, $"{owner} expects classes 0 to {classes - 1}, but target has {value} for sample {sample}."));
    }

    /// <summary>Whether a sample's class is the one that does not count.</summary>
    internal static bool IsIgnored<T>(Matrix<T> target, int sample, int ignoreIndex) where T : unmanaged, IFloatingPointIeee754<T> =>
        target.ColumnCount == 1 && target[sample, 0] == T.CreateTruncating(ignoreIndex);

    /// <summary>The class of a sample where there are two, 0 and 1, in one column.</summary>
    internal static int Binary<T>(string owner, Matrix<T> target, int sample) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (target.ColumnCount != 1) throw new ArgumentException($"{owner} expects 1 column of classes where the prediction has one, but target is {Operand.Shape(target)}.", nameof(target));
        var value = target[sample, 0];
        return value == T.Zero ? 0 : value == T.One ? 1
            : throw new ArgumentOutOfRangeException(nameof(target), string.Create(CultureInfo.InvariantCulture, $"{owner} expects classes 0 and 1, but target has {value} for sample {sample}."));
    }

    internal static ArgumentException NoNumber<T>(string owner, Matrix<T> prediction, int row, int column) where T : unmanaged, IFloatingPointIeee754<T> =>
        new(string.Create(CultureInfo.InvariantCulture, $"{owner} expects numbers, but prediction has {prediction[row, column]} for sample {row}."), nameof(prediction));

    /// <summary>The column with a row's largest entry, the lower one of equals.</summary>
    internal static int Largest<T>(string owner, Matrix<T> x, string parameter, int row) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var largest = 0;
        for (var j = 0; j < x.ColumnCount; j++)
        {
            if (T.IsNaN(x[row, j])) throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{owner} expects a largest column in each row, but {parameter} has NaN for sample {row}."), parameter);
            if (x[row, j] > x[row, largest]) largest = j;
        }

        return largest;
    }
}

using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A number that says how good predictions are, for people to read.</summary>
/// <remarks>Where targets are classes, they are what a cross-entropy loss takes: one column of class indices, or a column for each class, of which the largest counts.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class Metric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The name, as a history has it: <c>accuracy</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Measures predictions.</summary>
    /// <param name="prediction">What the model says, samples x outputs; dense.</param>
    /// <param name="target">What it should say, a row for each sample; dense.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, or the rows differ.</exception>
    public double Of(Matrix<T> prediction, Matrix<T> target)
    {
        Shape.Dense(Name, prediction, nameof(prediction));
        Shape.Dense(Name, target, nameof(target));
        if (prediction.RowCount != target.RowCount)
            throw new ArgumentException($"{Name} expects a target for each prediction, but prediction is {Shape.Of(prediction)} and target is {Shape.Of(target)}.", nameof(target));
        return Measure(prediction, target);
    }

    /// <summary>Measures predictions.</summary>
    /// <param name="prediction">The predictions, checked.</param>
    /// <param name="target">The targets, checked.</param>
    protected abstract double Measure(Matrix<T> prediction, Matrix<T> target);
}

/// <summary>The share of samples whose class has one of the k largest outputs; ties go to the lower class. With k = 1, the accuracy.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="k">How many guesses there are, at least 1.</param>
public sealed class Accuracy<T>(int k = 1) : Metric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly int _k = Shape.Positive("Accuracy", k, nameof(k));

    /// <inheritdoc/>
    public override string Name => _k == 1 ? "accuracy" : $"top_{_k}_accuracy";

    /// <inheritdoc/>
    protected override double Measure(Matrix<T> prediction, Matrix<T> target)
    {
        var right = 0;
        for (var i = 0; i < prediction.RowCount; i++)
        {
            var actual = Classes.Of(target, i, prediction.ColumnCount);
            var better = 0;
            for (var j = 0; j < prediction.ColumnCount; j++)
                if (prediction[i, j] > prediction[i, actual] || (j < actual && prediction[i, j] == prediction[i, actual])) better++;
            if (better < _k && !T.IsNaN(prediction[i, actual])) right++;
        }

        return (double)right / prediction.RowCount;
    }
}

/// <summary>The mean absolute error, over all entries.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class MeanAbsoluteError<T> : Metric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "mae";

    /// <inheritdoc/>
    protected override double Measure(Matrix<T> prediction, Matrix<T> target)
    {
        Shape.Same(Name, prediction, nameof(prediction), target, nameof(target));
        Span<T> p = prediction.Span(), t = target.Span();
        double sum = 0;
        for (var i = 0; i < p.Length; i++) sum += double.CreateChecked(T.Abs(p[i] - t[i]));
        return sum / p.Length;
    }
}

/// <summary>The coefficient of determination, R² = 1 - sum (p - t)^2 / sum (t - mean t)^2, the mean over the columns. 1 is perfect, 0 is no better than the mean.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class R2<T> : Metric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "r2";

    /// <inheritdoc/>
    protected override double Measure(Matrix<T> prediction, Matrix<T> target)
    {
        Shape.Same(Name, prediction, nameof(prediction), target, nameof(target));
        double sum = 0;
        for (var j = 0; j < target.ColumnCount; j++)
        {
            double mean = 0, rest = 0, total = 0;
            for (var i = 0; i < target.RowCount; i++) mean += double.CreateChecked(target[i, j]) / target.RowCount;
            for (var i = 0; i < target.RowCount; i++)
            {
                rest += Math.Pow(double.CreateChecked(prediction[i, j]) - double.CreateChecked(target[i, j]), 2);
                total += Math.Pow(double.CreateChecked(target[i, j]) - mean, 2);
            }

            // As scikit-learn has it: a constant target is either met or not.
            sum += total > 0 ? 1 - rest / total : rest == 0 ? 1 : 0;
        }

        return sum / target.ColumnCount;
    }
}

/// <summary>How often each class was taken for each: a row for the actual class, a column for the predicted one.</summary>
public static class ConfusionMatrix
{
    /// <summary>Counts predictions.</summary>
    /// <param name="prediction">What the model says, samples x classes; dense. The largest output counts, ties go to the lower class.</param>
    /// <param name="target">One column of class indices, or a column for each class; dense.</param>
    /// <returns>Counts, actual class x predicted class.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, the rows differ, or a class is out of range.</exception>
    public static int[,] Of<T>(Matrix<T> prediction, Matrix<T> target) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Shape.Dense("ConfusionMatrix", prediction, nameof(prediction));
        Shape.Dense("ConfusionMatrix", target, nameof(target));
        if (prediction.RowCount != target.RowCount)
            throw new ArgumentException($"ConfusionMatrix expects a target for each prediction, but prediction is {Shape.Of(prediction)} and target is {Shape.Of(target)}.", nameof(target));
        var counts = new int[prediction.ColumnCount, prediction.ColumnCount];
        for (var i = 0; i < prediction.RowCount; i++) counts[Classes.Of(target, i, prediction.ColumnCount), Classes.Largest(prediction, i)]++;
        return counts;
    }
}

internal static class Classes
{
    /// <summary>The class of a sample: its index, or that of its largest column.</summary>
    internal static int Of<T>(Matrix<T> target, int row, int classes) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (target.ColumnCount == classes && classes > 1) return Largest(target, row);
        if (target.ColumnCount != 1) throw new ArgumentException($"Targets have 1 column of class indices or {classes} columns, one for each class, but target is {Shape.Of(target)}.", nameof(target));
        var value = target[row, 0];
        return T.IsInteger(value) && value >= T.Zero && value < T.CreateChecked(classes)
            ? int.CreateChecked(value)
            : throw new ArgumentException($"Class indices are whole numbers from 0 to {classes - 1}, but sample {row} has {value}.", nameof(target));
    }

    internal static int Largest<T>(Matrix<T> x, int row) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var largest = 0;
        for (var j = 1; j < x.ColumnCount; j++)
            if (x[row, j] > x[row, largest]) largest = j;
        return largest;
    }
}

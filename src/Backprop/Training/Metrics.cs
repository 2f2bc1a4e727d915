using System.Globalization;
using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A number that says how good predictions are, for people to read. To write one, subclass this and write <see cref="Measure"/>.</summary>
/// <remarks>Where targets are classes, they are what a <see cref="CrossEntropyLoss{T}"/> takes: one column of class indices, or a column for each class, of
/// which the largest counts.</remarks>
/// <threadsafety>Any number of threads at once.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class Metric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The name, as a history has it: <c>accuracy</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Measures predictions.</summary>
    /// <param name="prediction">What the model says, samples x outputs; dense.</param>
    /// <param name="target">What it should say, a row for each sample; dense.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, or the shapes do not fit each other, or a class is out of range.</exception>
    public double Of(Matrix<T> prediction, Matrix<T> target)
    {
        Labels.SameRows(Name, prediction, target);
        return Measure(prediction, target);
    }

    /// <summary>Measures predictions.</summary>
    /// <param name="prediction">The predictions: dense.</param>
    /// <param name="target">The targets: dense, with as many rows.</param>
    protected abstract double Measure(Matrix<T> prediction, Matrix<T> target);
}

/// <summary>The share of samples whose class has one of the k largest outputs; ties go to the lower class. With k = 1, the accuracy.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="k">How many guesses there are, at least 1.</param>
/// <exception cref="ArgumentOutOfRangeException">k is below 1.</exception>
public sealed class Accuracy<T>(int k = 1) : Metric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly int _k = Shape.Positive("Accuracy", k, nameof(k));

    /// <inheritdoc/>
    public override string Name => _k == 1 ? "accuracy" : string.Create(CultureInfo.InvariantCulture, $"top_{_k}_accuracy");

    /// <inheritdoc/>
    protected override double Measure(Matrix<T> prediction, Matrix<T> target)
    {
        if (_k > prediction.ColumnCount) throw new ArgumentException($"{Name} expects at least {_k} outputs, but prediction is {Shape.Of(prediction)}.", nameof(prediction));
        var right = 0;
        for (var i = 0; i < prediction.RowCount; i++)
        {
            var actual = Labels.Class(Name, prediction, target, i);
            var output = prediction[i, actual];
            var better = 0;
            for (var j = 0; j < prediction.ColumnCount; j++)
                if (prediction[i, j] > output || (j < actual && prediction[i, j] == output)) better++;
            if (better < _k && !T.IsNaN(output)) right++;
        }

        return (double)right / prediction.RowCount;
    }
}

/// <summary>The mean absolute error over all entries, 1/N sum |p - t|.</summary>
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
        for (var i = 0; i < p.Length; i++) sum += Math.Abs(double.CreateChecked(p[i]) - double.CreateChecked(t[i]));
        return sum / p.Length;
    }
}

/// <summary>The coefficient of determination, R² = 1 - sum (p - t)^2 / sum (t - mean t)^2, its mean over the columns. 1 is perfect, 0 no better than the mean.</summary>
/// <remarks>Of a column whose target never changes it is 1 where the prediction meets it and else 0, as in
/// <see href="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.r2_score.html">scikit-learn</see>.</remarks>
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

            sum += total != 0 ? 1 - rest / total : rest == 0 ? 1 : 0;
        }

        return sum / target.ColumnCount;
    }
}

/// <summary>How often each class was taken for each.</summary>
public static class ConfusionMatrix
{
    /// <summary>Counts predictions.</summary>
    /// <param name="prediction">What the model says, samples x classes; dense. The largest output counts, ties go to the lower class.</param>
    /// <param name="target">One column of class indices, or a column for each class, of which the largest counts; dense.</param>
    /// <returns>A row for each actual class, a column for each predicted one.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, the rows differ, or a class is out of range.</exception>
    public static int[,] Of<T>(Matrix<T> prediction, Matrix<T> target) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Labels.SameRows(nameof(ConfusionMatrix), prediction, target);
        var counts = new int[prediction.ColumnCount, prediction.ColumnCount];
        for (var i = 0; i < prediction.RowCount; i++) counts[Labels.Class(nameof(ConfusionMatrix), prediction, target, i), Labels.Largest(prediction, i)]++;
        return counts;
    }
}

/// <summary>The classes that targets and predictions stand for.</summary>
internal static class Labels
{
    internal static void SameRows<T>(string owner, Matrix<T> prediction, Matrix<T> target) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Shape.Dense(owner, prediction, nameof(prediction));
        Shape.Dense(owner, target, nameof(target));
        if (prediction.RowCount != target.RowCount)
            throw new ArgumentException($"{owner} expects a target for each prediction, but prediction is {Shape.Of(prediction)} and target is {Shape.Of(target)}.", nameof(target));
    }

    /// <summary>The class that a sample has: its index, or that of its largest column.</summary>
    internal static int Class<T>(string owner, Matrix<T> prediction, Matrix<T> target, int sample) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var classes = prediction.ColumnCount;
        if (classes == 1) throw new ArgumentException($"{owner} expects a column for each class, but prediction is {Shape.Of(prediction)}.", nameof(prediction));
        if (target.ColumnCount == classes) return Largest(target, sample);
        if (target.ColumnCount != 1) throw new ArgumentException($"{owner} expects 1 column of class indices or {classes} columns, one for each class, but target is {Shape.Of(target)}.", nameof(target));
        var value = target[sample, 0];
        return T.IsInteger(value) && value >= T.Zero && value < T.CreateChecked(classes)
            ? int.CreateChecked(value)
            : throw new ArgumentOutOfRangeException(nameof(target), string.Create(CultureInfo.InvariantCulture, $"{owner} expects classes 0 to {classes - 1}, but target has {value} for sample {sample}."));
    }

    internal static int Largest<T>(Matrix<T> x, int row) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var largest = 0;
        for (var j = 1; j < x.ColumnCount; j++)
            if (x[row, j] > x[row, largest]) largest = j;
        return largest;
    }
}

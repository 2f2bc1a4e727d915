using System.Globalization;
using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Brings each column to mean 0 and standard deviation 1: z = (x - mean) / deviation.</summary>
/// <remarks>Fit it to the training samples alone, and apply what was found to all: what is held back must not be looked at.
/// The deviation is that of the population (divided by n); a column that never changes keeps its scale, and becomes 0.</remarks>
/// <example>
/// <code>
/// var standardizer = new Standardizer&lt;double&gt;(training.X);
/// var (x, xHeldBack) = (standardizer.Apply(training.X), standardizer.Apply(heldBack.X));
/// </code>
/// </example>
/// <threadsafety>Any number of threads at once.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Standardizer<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>Finds the mean and the deviation of each column.</summary>
    /// <param name="x">Training inputs, a row each; dense, at least one row.</param>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not dense or has no rows, or a column's values are not finite or too large to have a deviation.</exception>
    public Standardizer(Matrix<T> x)
    {
        Element.Require<T>();
        ReadOnlySpan<T> values = Operand.Dense("Standardizer", x, nameof(x));
        if (x.RowCount == 0) throw new ArgumentException($"Standardizer expects at least one row, but x is {Operand.Shape(x)}.", nameof(x));
        (Mean, Deviation) = (Vector<T>.Build.Dense(x.ColumnCount), Vector<T>.Build.Dense(x.ColumnCount));
        for (var j = 0; j < x.ColumnCount; j++)
        {
            var column = values.Slice(j * x.RowCount, x.RowCount);
            (Mean[j], Deviation[j]) = column.ContainsAnyExcept(column[0]) ? MeanAndDeviation(column) : (column[0], T.One);
            if (!T.IsFinite(Mean[j]) || !T.IsFinite(Deviation[j]))
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"Standardizer expects finite values, but column {j} of x has mean {Mean[j]} and deviation {Deviation[j]}."), nameof(x));
        }
    }

    /// <summary>Takes what was found before, say from a file.</summary>
    /// <param name="mean">The mean of each column, finite; dense. Copied.</param>
    /// <param name="deviation">The standard deviation of each column, above 0 and finite; dense. Copied.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A vector is not dense, their lengths differ, or a number is out of its range.</exception>
    public Standardizer(Vector<T> mean, Vector<T> deviation)
    {
        Element.Require<T>();
        Operand.Dense("Standardizer", mean, nameof(mean));
        if (Operand.Dense("Standardizer", deviation, nameof(deviation)).Length != mean.Count)
            throw new ArgumentException($"Standardizer expects a deviation for each mean, but there are {mean.Count} means and {deviation.Count} deviations.", nameof(deviation));
        for (var j = 0; j < mean.Count; j++)
        {
            if (!T.IsFinite(mean[j])) throw Unfit("a finite mean", mean[j], j, nameof(mean));
            if (!(deviation[j] > T.Zero) || !T.IsFinite(deviation[j])) throw Unfit("a finite deviation above 0", deviation[j], j, nameof(deviation));
        }

        (Mean, Deviation) = (mean.Clone(), deviation.Clone());
    }

    /// <summary>The mean of each column.</summary>
    public Vector<T> Mean { get; }

    /// <summary>The standard deviation of each column; 1 where the column never changes.</summary>
    public Vector<T> Deviation { get; }

    /// <summary>Standardises inputs: (x - mean) / deviation.</summary>
    /// <param name="x">Inputs, a row each; dense, with the columns this was fit to.</param>
    /// <returns>A new matrix.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not dense or has other columns.</exception>
    public Matrix<T> Apply(Matrix<T> x)
    {
        Check(x, nameof(x));
        return x.MapIndexed((_, j, value) => (value - Mean[j]) / Deviation[j], Zeros.Include);
    }

    /// <summary>Takes it back: z deviation + mean.</summary>
    /// <param name="z">Standardised inputs, a row each; dense, with the columns this was fit to.</param>
    /// <returns>A new matrix.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="z"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="z"/> is not dense or has other columns.</exception>
    public Matrix<T> Invert(Matrix<T> z)
    {
        Check(z, nameof(z));
        return z.MapIndexed((_, j, value) => value * Deviation[j] + Mean[j], Zeros.Include);
    }

    // In double, and the mean first: so a large offset costs no digits.
    private static (T Mean, T Deviation) MeanAndDeviation(ReadOnlySpan<T> column)
    {
        double sum = 0, squares = 0;
        foreach (var value in column) sum += double.CreateChecked(value);
        var mean = sum / column.Length;
        foreach (var value in column) squares += Math.Pow(double.CreateChecked(value) - mean, 2);
        var deviation = Element.From<T>(Math.Sqrt(squares / column.Length));
        return (Element.From<T>(mean), deviation == T.Zero ? T.One : deviation);
    }

    private static ArgumentException Unfit(string expected, T value, int column, string parameter) =>
        new(string.Create(CultureInfo.InvariantCulture, $"Standardizer expects {expected} of each column, but that of column {column} is {value}."), parameter);

    private void Check(Matrix<T> x, string parameter)
    {
        Operand.Dense("Standardizer", x, parameter);
        if (x.ColumnCount != Mean.Count)
            throw new ArgumentException($"Standardizer expects {Mean.Count} column{(Mean.Count == 1 ? "" : "s")}, as it was fit to, but {parameter} is {Operand.Shape(x)}.", parameter);
    }
}

using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Brings each column to mean 0 and standard deviation 1: z = (x - mean) / deviation.</summary>
/// <remarks>Fit it to the training samples alone, and apply what was found to all: what is held back must not be looked at.
/// The deviation is that of the population (divided by n); a column that never changes keeps its scale.</remarks>
/// <threadsafety>Immutable.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Standardizer<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>Finds the mean and the deviation of each column.</summary>
    /// <param name="x">Training inputs, a row each; dense, at least one row.</param>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not dense or has no rows.</exception>
    public Standardizer(Matrix<T> x)
    {
        Element.Require<T>();
        Shape.Dense("Standardizer", x, nameof(x));
        if (x.RowCount == 0) throw new ArgumentException("Standardizer expects at least one row, but x has none.", nameof(x));
        (Mean, Deviation) = (Vector<T>.Build.Dense(x.ColumnCount), Vector<T>.Build.Dense(x.ColumnCount));
        for (var j = 0; j < x.ColumnCount; j++)
        {
            // In double, and the mean first: so a large offset costs no digits.
            double mean = 0, square = 0;
            for (var i = 0; i < x.RowCount; i++) mean += double.CreateChecked(x[i, j]) / x.RowCount;
            for (var i = 0; i < x.RowCount; i++) square += Math.Pow(double.CreateChecked(x[i, j]) - mean, 2) / x.RowCount;
            Mean[j] = Element.From<T>(mean);
            var deviation = Element.From<T>(Math.Sqrt(square));
            // Rounding gives a constant column a deviation of a few units in the last place of its mean.
            Deviation[j] = Math.Sqrt(square) > 1e-12 * Math.Abs(mean) && deviation > T.Zero ? deviation : T.One;
        }
    }

    /// <summary>The mean of each column.</summary>
    public Vector<T> Mean { get; }

    /// <summary>The standard deviation of each column; 1 where the column is constant.</summary>
    public Vector<T> Deviation { get; }

    /// <summary>Standardises inputs: (x - mean) / deviation.</summary>
    /// <param name="x">Inputs, a row each; dense, with the columns this was fit to.</param>
    /// <returns>A new matrix.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not dense or has other columns.</exception>
    public Matrix<T> Apply(Matrix<T> x)
    {
        Check(x);
        return x.MapIndexed((_, j, value) => (value - Mean[j]) / Deviation[j]);
    }

    /// <summary>Takes it back: z deviation + mean.</summary>
    /// <param name="z">Standardised inputs, a row each; dense, with the columns this was fit to.</param>
    /// <returns>A new matrix.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="z"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="z"/> is not dense or has other columns.</exception>
    public Matrix<T> Invert(Matrix<T> z)
    {
        Check(z);
        return z.MapIndexed((_, j, value) => value * Deviation[j] + Mean[j]);
    }

    private void Check(Matrix<T> x)
    {
        Shape.Dense("Standardizer", x, nameof(x));
        if (x.ColumnCount != Mean.Count)
            throw new ArgumentException($"Standardizer expects {Mean.Count} columns, as it was fit to, but x is {Shape.Of(x)}.", nameof(x));
    }
}

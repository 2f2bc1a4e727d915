using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Storage;

namespace Backprop;

/// <summary>Checks of matrices and vectors: dense, and of which shape. A message says who expects what, what came, and which argument it was.</summary>
public static class Operand
{
    /// <summary>A shape in words: <c>2x7</c>.</summary>
    /// <param name="x">The matrix.</param>
    public static string Shape<T>(Matrix<T> x) where T : struct, IEquatable<T>, IFormattable => x is null ? "null" : $"{x.RowCount}x{x.ColumnCount}";

    /// <summary>The entries of a dense matrix, column after column, without a copy.</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="x">The matrix.</param>
    /// <param name="parameter">Which argument it is.</param>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not dense.</exception>
    public static T[] Dense<T>(object owner, Matrix<T> x, string parameter) where T : struct, IEquatable<T>, IFormattable
    {
        ArgumentNullException.ThrowIfNull(x, parameter);
        return x.Entries() ?? throw new ArgumentException(
            $"{owner} expects a dense matrix, but {parameter} is a {Shape(x)} {x.GetType().Name}; copy it with Matrix<{typeof(T).Name}>.Build.DenseOfMatrix({parameter}).", parameter);
    }

    /// <summary>The entries of a dense vector, without a copy.</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="x">The vector.</param>
    /// <param name="parameter">Which argument it is.</param>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not dense.</exception>
    public static T[] Dense<T>(object owner, Vector<T> x, string parameter) where T : struct, IEquatable<T>, IFormattable
    {
        ArgumentNullException.ThrowIfNull(x, parameter);
        return x.Storage is DenseVectorStorage<T> storage
            ? storage.Data
            : throw new ArgumentException(
                $"{owner} expects a dense vector, but {parameter} is a {x.GetType().Name} of {x.Count}; copy it with Vector<{typeof(T).Name}>.Build.DenseOfVector({parameter}).", parameter);
    }

    /// <summary>Two dense matrices with as many rows and columns as each other.</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="a">The first.</param>
    /// <param name="aName">Which argument it is.</param>
    /// <param name="b">The second.</param>
    /// <param name="bName">Which argument it is.</param>
    /// <exception cref="ArgumentNullException">One is null.</exception>
    /// <exception cref="ArgumentException">One is not dense, or their shapes differ.</exception>
    public static void Same<T>(object owner, Matrix<T> a, string aName, Matrix<T> b, string bName) where T : struct, IEquatable<T>, IFormattable
    {
        if (a.Entries() is not null && b.Entries() is not null && a.RowCount == b.RowCount && a.ColumnCount == b.ColumnCount) return;
        Dense(owner, a!, aName);
        Dense(owner, b!, bName);
        throw new ArgumentException($"{owner} expects {aName} and {bName} of the same shape, but {aName} is {Shape(a!)} and {bName} is {Shape(b!)}.", bName);
    }

    /// <summary>A dense matrix of a known shape.</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="x">The matrix.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="parameter">Which argument it is.</param>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not dense, or of another shape.</exception>
    public static void Exactly<T>(object owner, Matrix<T> x, int rows, int columns, string parameter) where T : struct, IEquatable<T>, IFormattable
    {
        if (x.Entries() is not null && x.RowCount == rows && x.ColumnCount == columns) return;
        Dense(owner, x!, parameter);
        throw new ArgumentException($"{owner} expects {parameter} to be {rows}x{columns}, but it is {Shape(x!)}.", parameter);
    }
}

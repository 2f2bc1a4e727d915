using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Storage;

namespace Backprop.Checks;

/// <summary>Checks of matrices and vectors: dense, and of which shape. A message says who expects what, what came, and which argument it was.</summary>
internal static class Operand
{
    internal static string Of<T>(Matrix<T> x) where T : struct, IEquatable<T>, IFormattable => $"{x.RowCount}x{x.ColumnCount}";

    /// <summary>The entries of a dense matrix, column after column, without a copy.</summary>
    internal static T[] Dense<T>(object owner, Matrix<T> x, string parameter) where T : struct, IEquatable<T>, IFormattable
    {
        ArgumentNullException.ThrowIfNull(x, parameter);
        return x.Storage is DenseColumnMajorMatrixStorage<T> storage
            ? storage.Data
            : throw new ArgumentException(
                $"{owner} expects a dense matrix, but {parameter} is a {Of(x)} {x.GetType().Name}; copy it with Matrix<{typeof(T).Name}>.Build.DenseOfMatrix({parameter}).", parameter);
    }

    /// <summary>The entries of a dense vector, without a copy.</summary>
    internal static T[] Dense<T>(object owner, Vector<T> x, string parameter) where T : struct, IEquatable<T>, IFormattable
    {
        ArgumentNullException.ThrowIfNull(x, parameter);
        return x.Storage is DenseVectorStorage<T> storage
            ? storage.Data
            : throw new ArgumentException(
                $"{owner} expects a dense vector, but {parameter} is a {x.GetType().Name} of {x.Count}; copy it with Vector<{typeof(T).Name}>.Build.DenseOfVector({parameter}).", parameter);
    }

    /// <summary>Two dense matrices with as many rows and columns as each other.</summary>
    internal static void Same<T>(object owner, Matrix<T> a, string aName, Matrix<T> b, string bName) where T : struct, IEquatable<T>, IFormattable
    {
        Dense(owner, a, aName);
        Dense(owner, b, bName);
        if (a.RowCount != b.RowCount || a.ColumnCount != b.ColumnCount)
            throw new ArgumentException($"{owner} expects {aName} and {bName} of the same shape, but {aName} is {Of(a)} and {bName} is {Of(b)}.", bName);
    }

    /// <summary>A dense matrix of a known shape.</summary>
    internal static void Exactly<T>(object owner, Matrix<T> x, int rows, int columns, string parameter) where T : struct, IEquatable<T>, IFormattable
    {
        Dense(owner, x, parameter);
        if (x.RowCount != rows || x.ColumnCount != columns)
            throw new ArgumentException($"{owner} expects {parameter} to be {rows}x{columns}, but it is {Of(x)}.", parameter);
    }
}

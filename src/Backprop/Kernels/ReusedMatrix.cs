using System.Globalization;
using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Kernels;

/// <summary>
/// A result matrix that a pass reuses. It remembers the last two shapes, so that a shorter last batch of an
/// epoch allocates once and never again.
/// </summary>
internal struct ReusedMatrix<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private Matrix<T>? _latest, _other;
    private Matrix<T>? _apart;      // an operand whose entries are not those of the latest

    /// <summary>A dense matrix of this shape with unspecified contents, whose entries are not those of <paramref name="operand"/>.</summary>
    internal Matrix<T> Get(int rows, int columns, Matrix<T>? operand = null)
    {
        if (_latest is { } latest && latest.RowCount == rows && latest.ColumnCount == columns && ReferenceEquals(operand, _apart)) return latest;
        return Look(rows, columns, operand);
    }

    /// <summary>Whether these are the entries of one of its matrices.</summary>
    internal readonly bool Holds(T[] entries) => ReferenceEquals(_latest.Entries(), entries) || ReferenceEquals(_other.Entries(), entries);

    private Matrix<T> Look(int rows, int columns, Matrix<T>? operand)
    {
        if (!Fits(_latest, rows, columns, operand))
        {
            (_latest, _other) = (_other, _latest);
            if (!Fits(_latest, rows, columns, operand)) _latest = New(rows, columns);
        }

        _apart = operand;
        return _latest!;
    }

    /// <summary>A new one. MathNet multiplies the sizes as int: 65536x65536 would be a matrix without entries.</summary>
    internal static Matrix<T> New(int rows, int columns) => (long)rows * columns <= Array.MaxLength
        ? Matrix<T>.Build.Dense(rows, columns)
        : throw new ArgumentOutOfRangeException(nameof(columns), string.Create(CultureInfo.InvariantCulture, $"A result of {rows}x{columns} has more entries than an array has room for."));

    // Whoever feeds a pass its own result back must not have it overwritten while it is being read.
    private static bool Fits(Matrix<T>? candidate, int rows, int columns, Matrix<T>? operand) =>
        candidate is not null && candidate.RowCount == rows && candidate.ColumnCount == columns && !Same(candidate, operand);

    /// <summary>Whether two dense matrices are the same place in memory.</summary>
    internal static bool Same(Matrix<T>? a, Matrix<T>? b) =>
        ReferenceEquals(a, b) || (a.Entries() is { } entries && ReferenceEquals(entries, b.Entries()));
}

using System.Globalization;
using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A buffer with rows and columns, such as a mask; in files it may have more dimensions, as a <see cref="MatrixParameter{T}"/> may.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class MatrixBuffer<T> : Buffer<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>Makes a buffer whose values are all the same.</summary>
    /// <param name="name">The name within its layer.</param>
    /// <param name="rows">Rows, at least 1.</param>
    /// <param name="columns">Columns, at least 1.</param>
    /// <param name="value">The value.</param>
    /// <param name="shape">The sizes in files, as PyTorch has them: the rows first, and then sizes that multiply to the columns; none for (rows, columns).</param>
    /// <exception cref="ArgumentException">The name is empty, or the shape does not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    public MatrixBuffer(string name, int rows, int columns, T value = default, params int[] shape)
        : this(name, FileShape.OfMatrix(name, Expect.Positive(name, rows, nameof(rows)), Expect.Positive(name, columns, nameof(columns)), shape), Filled(name, rows, columns, value)) { }

    private MatrixBuffer(string name, int[] shape, Matrix<T> value) : base(name, shape, value.AsColumnMajorArray()) => Value = value;

    // MathNet multiplies the sizes as int: 65536x65536 would be a matrix without entries.
    private static Matrix<T> Filled(string name, int rows, int columns, T value) => (long)rows * columns <= Array.MaxLength
        ? Matrix<T>.Build.Dense(rows, columns, value)
        : throw new ArgumentOutOfRangeException(nameof(columns), string.Create(CultureInfo.InvariantCulture, $"{name} expects at most {Array.MaxLength} values, but is {rows}x{columns}."));

    /// <summary>The values; change them in place.</summary>
    public Matrix<T> Value { get; }
}

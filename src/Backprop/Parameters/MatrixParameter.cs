using System.Globalization;
using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A parameter with rows and columns, such as a weight.</summary>
/// <remarks>A weight of more dimensions is a matrix here too: its first dimension down the rows, all others along the columns, the last moving fastest. A
/// convolution's is out x (in kh kw) here and (out, in, kh, kw) in <see cref="Parameter{T}.Shape"/> and in files.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class MatrixParameter<T> : Parameter<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>Makes a parameter of zeros.</summary>
    /// <param name="name">The name within its layer.</param>
    /// <param name="rows">Rows, at least 1.</param>
    /// <param name="columns">Columns, at least 1.</param>
    /// <param name="shape">The sizes in files, as PyTorch has them: the rows first, and then sizes that multiply to the columns; none for (rows, columns).</param>
    /// <exception cref="ArgumentException">The name is empty, or the shape does not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, or there are more values than an array has room for.</exception>
    public MatrixParameter(string name, int rows, int columns, params int[] shape)
        : this(name, FileShape.OfMatrix(name, rows, columns, shape), Zeros(name, rows, columns), Zeros(name, rows, columns)) { }

    private MatrixParameter(string name, int[] shape, Matrix<T> value, Matrix<T> gradient)
        : base(name, shape, value.AsColumnMajorArray(), gradient.AsColumnMajorArray()) => (Value, Gradient) = (value, gradient);

    /// <summary>The values; change them in place.</summary>
    public Matrix<T> Value { get; }

    /// <summary>The gradient of the loss with respect to <see cref="Value"/>, summed over all backward passes since it was last zeroed.</summary>
    public Matrix<T> Gradient { get; }

    private static Matrix<T> Zeros(string name, int rows, int columns)
    {
        Element.Require<T>();
        // MathNet multiplies the sizes as int: 65536x65536 would be a matrix without entries.
        if ((long)rows * columns > Array.MaxLength)
            throw new ArgumentOutOfRangeException(nameof(columns), string.Create(CultureInfo.InvariantCulture, $"{name} expects at most {Array.MaxLength} values, but is {rows}x{columns}."));
        return Matrix<T>.Build.Dense(Expect.Positive(name, rows, nameof(rows)), Expect.Positive(name, columns, nameof(columns)));
    }
}

using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Values that a layer learns, and the gradient of the loss with respect to them.</summary>
/// <remarks>
/// The flat spans serve whoever needs no shape: optimizers, files, reductions between machines. Matrices lie in them
/// column after column, as MathNet stores them.
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class Parameter<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private readonly T[] _values, _gradients;

    private protected Parameter(string name, int[] shape, T[] values, T[] gradients)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        (Name, Shape, _values, _gradients) = (name, shape, values, gradients);
    }

    /// <summary>The name within its layer, as PyTorch's <c>state_dict</c> has it: <c>weight</c>, <c>bias</c>.</summary>
    public string Name { get; }

    /// <summary>The sizes, as PyTorch gives them: (out, in) for the weight of a <see cref="Linear{T}"/>.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>How many values there are.</summary>
    public int Count => _values.Length;

    /// <summary>All values, flat; writing changes the parameter.</summary>
    public Span<T> Values => _values;

    internal T[] ValueArray => _values;

    /// <summary>All gradients, flat, in the order of <see cref="Values"/>.</summary>
    public Span<T> Gradients => _gradients;

    /// <summary>Sets the gradient to zero. Backward passes add to it.</summary>
    public void ZeroGradient() => Gradients.Clear();

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({string.Join(", ", Shape)})";
}

/// <summary>A parameter with rows and columns, such as a weight.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class MatrixParameter<T> : Parameter<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>Makes a parameter of zeros.</summary>
    /// <param name="name">The name within its layer.</param>
    /// <param name="rows">Rows, at least 1.</param>
    /// <param name="columns">Columns, at least 1.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    public MatrixParameter(string name, int rows, int columns)
        : this(name, Zeros(name, rows, columns), Zeros(name, rows, columns)) { }

    private MatrixParameter(string name, Matrix<T> value, Matrix<T> gradient)
        : base(name, [value.RowCount, value.ColumnCount], value.AsColumnMajorArray(), gradient.AsColumnMajorArray()) =>
        (Value, Gradient) = (value, gradient);

    /// <summary>The values; change them in place.</summary>
    public Matrix<T> Value { get; }

    /// <summary>The gradient of the loss with respect to <see cref="Value"/>, summed over all backward passes since it was last zeroed.</summary>
    public Matrix<T> Gradient { get; }

    private static Matrix<T> Zeros(string name, int rows, int columns)
    {
        Element.Require<T>();
        return Matrix<T>.Build.Dense(Kernels.Shape.Positive(name, rows, nameof(rows)), Kernels.Shape.Positive(name, columns, nameof(columns)));
    }
}

/// <summary>A parameter with one dimension, such as a bias.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class VectorParameter<T> : Parameter<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>Makes a parameter of zeros.</summary>
    /// <param name="name">The name within its layer.</param>
    /// <param name="count">How many values, at least 1.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is below 1.</exception>
    public VectorParameter(string name, int count) : this(name, Zeros(name, count), Zeros(name, count)) { }

    private VectorParameter(string name, Vector<T> value, Vector<T> gradient)
        : base(name, [value.Count], value.AsArray(), gradient.AsArray()) => (Value, Gradient) = (value, gradient);

    /// <summary>The values; change them in place.</summary>
    public Vector<T> Value { get; }

    /// <summary>The gradient of the loss with respect to <see cref="Value"/>, summed over all backward passes since it was last zeroed.</summary>
    public Vector<T> Gradient { get; }

    private static Vector<T> Zeros(string name, int count)
    {
        Element.Require<T>();
        return Vector<T>.Build.Dense(Kernels.Shape.Positive(name, count, nameof(count)));
    }
}

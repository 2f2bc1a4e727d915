using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A parameter with one dimension, such as a bias; in files it may have more.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class VectorParameter<T> : Parameter<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>Makes a parameter of zeros.</summary>
    /// <param name="name">The name within its layer.</param>
    /// <param name="count">How many values, at least 1.</param>
    /// <param name="shape">The sizes in files, as PyTorch has them, which multiply to the count and of which the last moves fastest; none for (count).</param>
    /// <exception cref="ArgumentException">The name is empty, or the shape does not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is below 1.</exception>
    public VectorParameter(string name, int count, params int[] shape) : this(name, FileShape.OfVector(name, count, shape), Zeros(name, count), Zeros(name, count)) { }

    private VectorParameter(string name, int[] shape, Vector<T> value, Vector<T> gradient)
        : base(name, shape, value.AsArray(), gradient.AsArray()) => (Value, Gradient) = (value, gradient);

    /// <summary>The values; change them in place.</summary>
    public Vector<T> Value { get; }

    /// <summary>The gradient of the loss with respect to <see cref="Value"/>, summed over all backward passes since it was last zeroed.</summary>
    public Vector<T> Gradient { get; }

    private static Vector<T> Zeros(string name, int count)
    {
        Element.Require<T>();
        return Vector<T>.Build.Dense(Expect.Positive(name, count, nameof(count)));
    }
}

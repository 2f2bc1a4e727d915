using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A buffer with one dimension, such as a running mean; in files it may have more.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class VectorBuffer<T> : Buffer<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>Makes a buffer whose values are all the same.</summary>
    /// <param name="name">The name within its layer.</param>
    /// <param name="count">How many values, at least 1.</param>
    /// <param name="value">The value.</param>
    /// <param name="shape">The sizes in files, as PyTorch has them, which multiply to the count; none for (count).</param>
    /// <exception cref="ArgumentException">The name is empty, or the shape does not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is below 1.</exception>
    public VectorBuffer(string name, int count, T value = default, params int[] shape)
        : this(name, FileShape.OfVector(name, Expect.Positive(name, count, nameof(count)), shape), Vector<T>.Build.Dense(count, value)) { }

    private VectorBuffer(string name, int[] shape, Vector<T> value) : base(name, shape, value.AsArray()) => Value = value;

    /// <summary>The values; change them in place.</summary>
    public Vector<T> Value { get; }
}

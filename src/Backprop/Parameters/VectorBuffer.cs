using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A buffer with one dimension, such as a running mean.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class VectorBuffer<T> : Buffer<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>Makes a buffer whose values are all the same.</summary>
    /// <param name="name">The name within its layer.</param>
    /// <param name="count">How many values, at least 1.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is below 1.</exception>
    public VectorBuffer(string name, int count, T value = default) : base(name, [Expect.Positive(name, count, nameof(count))])
    {
        Element.Require<T>();
        Value = Vector<T>.Build.Dense(count, value);
    }

    /// <summary>The values; change them in place.</summary>
    public Vector<T> Value { get; }

    /// <summary>All values, flat; writing changes the buffer.</summary>
    public Span<T> Values => Value.AsArray();
}

using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>What a layer keeps but does not learn, such as running statistics: no gradient, no optimizer, but part of a file.</summary>
/// <remarks>Its kind is its type: a <see cref="VectorBuffer{T}"/> holds values of the layer's type, a <see cref="CounterBuffer{T}"/> one
/// integer, 64 bits in PyTorch's files too.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class Buffer<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private protected Buffer(string name, int[] shape)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        (Name, Shape) = (name, shape);
    }

    /// <summary>The name within its layer, as PyTorch's <c>state_dict</c> has it: <c>running_mean</c>.</summary>
    public string Name { get; }

    /// <summary>The sizes, as PyTorch gives them; empty for a single number.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({string.Join(", ", Shape)})";
}

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
    public VectorBuffer(string name, int count, T value = default) : base(name, [Kernels.Shape.Positive(name, count, nameof(count))])
    {
        Element.Require<T>();
        Value = Vector<T>.Build.Dense(count, value);
    }

    /// <summary>The values; change them in place.</summary>
    public Vector<T> Value { get; }

    /// <summary>All values, flat; writing changes the buffer.</summary>
    public Span<T> Values => Value.AsArray();
}

/// <summary>A buffer that counts.</summary>
/// <param name="name">The name within its layer.</param>
/// <typeparam name="T">The layer's type; the count is a <see cref="long"/> whatever it is.</typeparam>
public sealed class CounterBuffer<T>(string name) : Buffer<T>(name, []) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>The count.</summary>
    public long Value { get; set; }
}

/// <summary>A buffer and its path from the layer that was asked: <c>norm.running_mean</c>.</summary>
/// <param name="Name">The path.</param>
/// <param name="Buffer">The buffer.</param>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed record NamedBuffer<T>(string Name, Buffer<T> Buffer) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>;

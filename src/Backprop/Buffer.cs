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

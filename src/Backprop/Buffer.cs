using Backprop.Checks;

namespace Backprop;

/// <summary>What a layer keeps but does not learn, such as running statistics: no gradient, no optimizer, but part of a file.</summary>
/// <remarks>Its kind is its type: a <see cref="VectorBuffer{T}"/> or <see cref="MatrixBuffer{T}"/> holds values of the layer's type, a <see cref="CounterBuffer{T}"/> one
/// integer, 64 bits in PyTorch's files too.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class Buffer<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private readonly T[] _values;

    private protected Buffer(string name, int[] shape, T[] values)
    {
        Element.Require<T>();
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        (Name, Shape, _values) = (name, Array.AsReadOnly(shape), values);
    }

    /// <summary>The name within its layer, as PyTorch's <c>state_dict</c> has it: <c>running_mean</c>.</summary>
    public string Name { get; }

    /// <summary>The sizes, as PyTorch gives them; empty for a single number.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>All values, flat; writing changes the buffer. A matrix lies column after column; a counter has none.</summary>
    public Span<T> Values => _values;

    /// <summary>Whether the layer leaves the buffer as it is, in training too, as a frozen <see cref="BatchNorm1d{T}"/> its running statistics. May be changed between steps.</summary>
    public bool Frozen
    {
        get;
        set
        {
            if (field == value) return;
            field = value;
            Structure.Changed();
        }
    }

    internal T[] ValueArray => _values;

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({string.Join(", ", Shape)})";
}

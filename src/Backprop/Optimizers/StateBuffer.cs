using System.Numerics;

namespace Backprop;

/// <summary>What a rule remembers of past gradients: for each parameter as many values as it has. Made by <see cref="ParameterGroup{T}.Register"/>.</summary>
/// <remarks>A parameter's values are made in the first step that needs them. They are a part of the optimizer's state, under the buffer's name.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class StateBuffer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    internal StateBuffer(ParameterGroup<T> group, string name, int number, double initialValue) =>
        (Group, Name, Mask, InitialValue, Arrays) = (group, name, 1u << number, initialValue, new T[]?[group.Parameters.Count]);

    /// <summary>The name, as PyTorch's state has it: <c>momentum_buffer</c>.</summary>
    public string Name { get; }

    /// <summary>What values start from.</summary>
    public double InitialValue { get; set; }

    internal ParameterGroup<T> Group { get; }

    // The one bit that says of a parameter that it has this buffer.
    internal uint Mask { get; }

    internal T[]?[] Arrays { get; }

    /// <summary>The buffer's name.</summary>
    public override string ToString() => Name;
}

using System.Numerics;

namespace Backprop;

/// <summary>One step of one parameter, as spans: <c>foreach (var parameter in step)</c>.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public readonly ref struct ParameterStep<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ParameterGroup<T> _group;
    private readonly int _index;

    internal ParameterStep(ParameterGroup<T> group, int index, ReadOnlySpan<T> gradient, long number)
    {
        (_group, _index, Number) = (group, index, number);
        Gradient = gradient;
    }

    /// <summary>The parameter.</summary>
    public Parameter<T> Parameter => _group.ParameterArray[_index];

    /// <summary>Its values, to be moved; they have decayed already where the weight decay is decoupled.</summary>
    public Span<T> Values => Parameter.Values;

    /// <summary>Its gradient, with its sign changed for a climb and with the coupled weight decay in it.</summary>
    public ReadOnlySpan<T> Gradient { get; }

    /// <summary>Which of the parameter's steps this is: 1 for its first.</summary>
    public long Number { get; }

    /// <summary>The parameter's part of a buffer.</summary>
    /// <param name="buffer">A buffer of this group.</param>
    /// <exception cref="ArgumentNullException"><paramref name="buffer"/> is null.</exception>
    /// <exception cref="ArgumentException">It is another group's.</exception>
    public Span<T> this[StateBuffer<T> buffer] => _group.Arrays(buffer, _index, _index + 1)[_index];

    /// <summary>Whether this step is the first that needs the buffer: until it is asked for, by <c>parameter[buffer]</c>.</summary>
    /// <param name="buffer">A buffer of this group.</param>
    /// <exception cref="ArgumentException">It is another group's.</exception>
    public bool IsNew(StateBuffer<T> buffer) => !_group.Has(buffer, _index);
}

using Backprop.Checks;

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
        (Name, Shape, _values, _gradients) = (name, Array.AsReadOnly(shape), values, gradients);
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

    internal T[] GradientArray => _gradients;

    /// <summary>All gradients, flat, in the order of <see cref="Values"/>.</summary>
    public Span<T> Gradients => _gradients;

    /// <summary>Whether the parameter stays as it is: its gradient is not computed, and optimizers pass it over, with its weight decay, its momentum and its count of steps.
    /// May be changed between steps; <see cref="Layer{T}.Freeze"/> freezes a whole layer.</summary>
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

    /// <summary>Sets the gradient to zero. Backward passes add to it.</summary>
    public void ZeroGradient()
    {
        // Of a few, the call would cost more than the work.
        if (_gradients.Length > 8) Array.Clear(_gradients);
        else
            for (var i = 0; i < _gradients.Length; i++) _gradients[i] = T.Zero;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({string.Join(", ", Shape)})";
}

using System.Numerics;
using Backprop.Kernels;

namespace Backprop;

/// <summary>Moves parameters along their gradients to make the loss smaller.</summary>
/// <remarks>A training step is: forward, loss, <see cref="ZeroGradients"/>, backward, <see cref="Step"/>.</remarks>
/// <threadsafety>One thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class Optimizer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Parameter<T>[] _parameters;

    /// <summary>Takes the parameters to move.</summary>
    /// <param name="parameters">The parameters, at least one, none twice.</param>
    /// <param name="learningRate">The learning rate, finite and not negative.</param>
    /// <exception cref="ArgumentNullException">The parameters are null, or one of them is.</exception>
    /// <exception cref="ArgumentException">There are no parameters, or one is there twice.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The learning rate is NaN, infinite or negative.</exception>
    protected Optimizer(IEnumerable<Parameter<T>> parameters, double learningRate)
    {
        Element.Require<T>();
        ArgumentNullException.ThrowIfNull(parameters);
        _parameters = [.. parameters];
        if (_parameters.Length == 0) throw new ArgumentException("An optimizer expects at least one parameter, but there is none.", nameof(parameters));
        if (_parameters.Contains(null)) throw new ArgumentNullException(nameof(parameters), "A parameter is null.");
        if (_parameters.Distinct().Count() != _parameters.Length) throw new ArgumentException("A parameter is there twice.", nameof(parameters));
        LearningRate = learningRate;
    }

    /// <summary>The parameters that are moved.</summary>
    public IReadOnlyList<Parameter<T>> Parameters => _parameters;

    /// <summary>The learning rate; may be changed between steps.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is NaN, infinite or negative.</exception>
    public double LearningRate
    {
        get;
        set => field = value >= 0 && double.IsFinite(value)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, $"A learning rate is finite and not negative, but it is {value}.");
    }

    /// <summary>Sets all gradients to zero.</summary>
    public void ZeroGradients()
    {
        foreach (var parameter in _parameters) parameter.ZeroGradient();
    }

    /// <summary>Moves every parameter once.</summary>
    public abstract void Step();
}

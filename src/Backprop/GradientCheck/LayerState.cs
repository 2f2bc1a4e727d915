using System.Numerics;

namespace Backprop;

/// <summary>Everything of a layer that a check could change, as it was when this was made: a check does not train.</summary>
internal sealed class LayerState<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Layer<T> _layer;
    private readonly (Parameter<T> Parameter, T[] Values, T[] Gradients)[] _parameters;
    private readonly (NamedBuffer<T> Named, T[] Values, long Count)[] _buffers;
    private readonly (Generator Generator, byte[] State)[] _generators;
    private readonly Parameter<T>[] _frozen;
    private readonly Buffer<T>[] _frozenBuffers;

    /// <summary>Takes down all of it, and lets what is frozen learn: a check is of the derivatives, whether they are wanted at present or not.</summary>
    public LayerState(Layer<T> layer)
    {
        _layer = layer;
        _frozen = [.. layer.Parameters.Where(parameter => parameter.Frozen)];
        _frozenBuffers = [.. layer.NamedBuffers().Select(named => named.Buffer).Where(buffer => buffer.Frozen).Distinct()];
        SetFrozen(false);
        Names = [.. layer.NamedParameters().DistinctBy(named => named.Parameter).Select(named => named.Name)];
        _parameters = [.. layer.Parameters.Select(parameter => (parameter, parameter.Values.ToArray(), parameter.Gradients.ToArray()))];
        _buffers = [.. layer.NamedBuffers().DistinctBy(named => named.Buffer).Select(named => (named, named.Buffer.Values.ToArray(), (named.Buffer as CounterBuffer<T>)?.Value ?? 0))];
        _generators = [.. layer.Generators.Select(generator => (generator, generator.GetState()))];
    }

    /// <summary>The parameters' paths, in the order of <see cref="Layer{T}.Parameters"/>.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Whether the layer has the parameters and buffers that it had.</summary>
    public bool IsComplete =>
        _layer.Parameters.SequenceEqual(_parameters.Select(saved => saved.Parameter)) && _layer.NamedBuffers().Select(named => named.Buffer).Distinct().SequenceEqual(_buffers.Select(saved => saved.Named.Buffer));

    /// <summary>Buffers and generators as they were: each forward pass starts from the same.</summary>
    public void Rewind()
    {
        foreach (var (named, values, count) in _buffers)
        {
            values.CopyTo(named.Buffer.Values);
            if (named.Buffer is CounterBuffer<T> counter) counter.Value = count;
        }

        foreach (var (generator, state) in _generators) generator.SetState(state);
    }

    /// <summary>Puts numbers into the gradients that nobody computes.</summary>
    public void MarkGradients()
    {
        foreach (var (parameter, _, _) in _parameters) parameter.Gradients.Fill(Mark);
    }

    /// <summary>The parameters whose gradients are no longer those numbers.</summary>
    public IEnumerable<string> UnmarkedGradients() => _parameters.Index().Where(saved => saved.Item.Parameter.Gradients.ContainsAnyExcept(Mark)).Select(saved => Names[saved.Index]);

    private static T Mark => T.CreateChecked(0.734375);

    /// <summary>What is frozen now: nothing was, for the check.</summary>
    public IEnumerable<string> ChangedFreezing() => _parameters.Index().Where(saved => saved.Item.Parameter.Frozen).Select(saved => Names[saved.Index]);

    /// <summary>All as it was.</summary>
    public void Restore()
    {
        Rewind();
        RestoreValues();
        SetFrozen(true);
        foreach (var (parameter, _, gradients) in _parameters) gradients.CopyTo(parameter.Gradients);
    }

    private void SetFrozen(bool frozen)
    {
        foreach (var parameter in _layer.Parameters) parameter.Frozen = frozen && Array.IndexOf(_frozen, parameter) >= 0;
        foreach (var (_, buffer) in _layer.NamedBuffers()) buffer.Frozen = frozen && Array.IndexOf(_frozenBuffers, buffer) >= 0;
    }

    /// <summary>The parameters' values as they were.</summary>
    public void RestoreValues()
    {
        foreach (var (parameter, values, _) in _parameters) values.CopyTo(parameter.Values);
    }

    /// <summary>The parameters whose values are not what they were.</summary>
    public IEnumerable<string> ChangedParameters() => _parameters.Index().Where(saved => !Bits.Same<T>(saved.Item.Values, saved.Item.Parameter.Values)).Select(saved => Names[saved.Index]);

    /// <summary>The buffers that have moved.</summary>
    public IEnumerable<string> ChangedBuffers() => _buffers
        .Where(saved => !Bits.Same<T>(saved.Values, saved.Named.Buffer.Values) || (saved.Named.Buffer is CounterBuffer<T> counter && counter.Value != saved.Count))
        .Select(saved => saved.Named.Name);

    /// <summary>The gradients as they are now.</summary>
    public T[][] Gradients() => [.. _parameters.Select(saved => saved.Parameter.Gradients.ToArray())];

    /// <summary>Sets all gradients to zero.</summary>
    public void ZeroGradients()
    {
        foreach (var (parameter, _, _) in _parameters) parameter.ZeroGradient();
    }
}

using System.Numerics;
using Backprop.Checks;

namespace Backprop;

/// <summary>The buffers and generators of a model as a step found them, to go back to where it cannot be taken. Allocates nothing as long as the network stays what it is.</summary>
internal sealed class KeptBuffers<T>(Layer<T> model) where T : unmanaged, IFloatingPointIeee754<T>
{
    private int _structure;
    private Buffer<T>[] _buffers = [];
    private T[][] _values = [];
    private long[] _counts = [];
    private Generator[] _generators = [], _draws = [];
    private bool _isKept;

    /// <summary>The buffers, each once.</summary>
    internal ReadOnlySpan<Buffer<T>> Buffers => _buffers;

    /// <summary>Keeps what they hold now.</summary>
    internal void Keep()
    {
        var structure = Structure.Version;
        if (structure != _structure)
        {
            _structure = structure;
            _buffers = [.. model.NamedBuffers().Select(named => named.Buffer).Distinct()];
            (_values, _counts) = (Array.ConvertAll(_buffers, buffer => new T[buffer.Values.Length]), new long[_buffers.Length]);
            _generators = [.. model.Generators];
            _draws = Array.ConvertAll(_generators, _ => new Generator(0));
        }

        for (var i = 0; i < _buffers.Length; i++)
        {
            _buffers[i].Values.CopyTo(_values[i]);
            if (_buffers[i] is CounterBuffer<T> counter) _counts[i] = counter.Value;
        }

        for (var i = 0; i < _generators.Length; i++) _draws[i].Become(_generators[i]);
        _isKept = true;
    }

    /// <summary>Keeps what they hold now where nothing is kept.</summary>
    internal void KeepOnce()
    {
        if (!_isKept) Keep();
    }

    /// <summary>Gives them back what was kept, if anything.</summary>
    internal void Restore()
    {
        for (var i = 0; i < _buffers.Length && _isKept; i++)
        {
            _values[i].CopyTo(_buffers[i].Values);
            if (_buffers[i] is CounterBuffer<T> counter) counter.Value = _counts[i];
        }

        for (var i = 0; i < _generators.Length && _isKept; i++) _generators[i].Become(_draws[i]);
    }

    /// <summary>Keeps nothing.</summary>
    internal void Forget() => _isKept = false;
}

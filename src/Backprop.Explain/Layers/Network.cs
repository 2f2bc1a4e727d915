using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Explain;

/// <summary>The network while it is explained: its values as they were, and a way to ask its layers on as if they still were so.</summary>
internal sealed class Network<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Lock _lock = new();
    private readonly IReadOnlyList<Parameter<T>> _parameters;
    private readonly Buffer<T>[] _buffers;
    private readonly Dictionary<Parameter<T>, Quantity> _quantities = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, Quantity> _byAddress = new(StringComparer.Ordinal);
    private readonly List<Quantity> _all = [];
    private readonly (T[][] Values, T[][] Buffers, long[] Counts) _then;

    public Network(Layer<T> model)
    {
        _parameters = model.Parameters;
        _buffers = [.. model.NamedBuffers().Select(named => named.Buffer).Distinct()];
        _then = State();
        foreach (var (name, parameter) in model.NamedParameters())
        {
            if (_quantities.ContainsKey(parameter)) continue;
            var matrix = parameter is MatrixParameter<T> ? (MatrixParameter<T>)parameter : null;
            _quantities[parameter] = Add(new(name, QuantityKind.Parameter, matrix is null ? 1 : 2, matrix?.Value.RowCount ?? 1, matrix?.Value.ColumnCount ?? parameter.Count, Copy(parameter.Values)) { Frozen = parameter.Frozen });
        }
    }

    /// <summary>All quantities, in the order in which they were found.</summary>
    public IReadOnlyList<Quantity> All => _all;

    public IReadOnlyDictionary<string, Quantity> ByAddress => _byAddress;

    /// <summary>A parameter as it was.</summary>
    public Quantity QuantityOf(Parameter<T> parameter) => _quantities.TryGetValue(parameter, out var quantity)
        ? quantity
        : throw new ArgumentException($"An explanation expects a parameter of the network, but {parameter} is none.", nameof(parameter));

    /// <summary>Takes a quantity; where its address is taken, it gets another.</summary>
    public Quantity Add(Quantity quantity)
    {
        var added = quantity;
        for (var i = 2; !_byAddress.TryAdd(added.Address, added); i++)
        {
            added = quantity.Renamed($"{quantity.Address}~{Numbers.Of(i)}");
        }

        _all.Add(added);
        return added;
    }

    /// <summary>Runs something with the parameters and buffers as they were, and leaves the network as it is.</summary>
    public TResult Inside<TResult>(Func<TResult> run)
    {
        lock (_lock)
        {
            var now = State();
            var gradients = _parameters.Select(parameter => parameter.Gradients.ToArray()).ToArray();
            try
            {
                Set(_then);
                return run();
            }
            finally
            {
                Set(now);
                for (var i = 0; i < gradients.Length; i++) gradients[i].CopyTo(_parameters[i].Gradients);
            }
        }
    }

    public static double[] Copy(ReadOnlySpan<T> values)
    {
        var copy = new double[values.Length];
        for (var i = 0; i < copy.Length; i++) copy[i] = double.CreateChecked(values[i]);
        return copy;
    }

    public static double[] Copy(Matrix<T> matrix) => Copy(matrix.AsColumnMajorArray() ?? matrix.ToColumnMajorArray());

    private (T[][] Values, T[][] Buffers, long[] Counts) State() => (
        [.. _parameters.Select(parameter => parameter.Values.ToArray())],
        [.. _buffers.Select(buffer => buffer.Values.ToArray())],
        [.. _buffers.Select(buffer => buffer is CounterBuffer<T> counter ? counter.Value : 0)]);

    private void Set((T[][] Values, T[][] Buffers, long[] Counts) state)
    {
        for (var i = 0; i < _parameters.Count; i++) state.Values[i].CopyTo(_parameters[i].Values);
        for (var i = 0; i < _buffers.Length; i++)
        {
            state.Buffers[i].CopyTo(_buffers[i].Values);
            if (_buffers[i] is CounterBuffer<T> counter) counter.Value = state.Counts[i];
        }
    }
}

using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Explain;

/// <summary>The network while it is explained: its values as they were, and a way to ask its layers on as if they still were so.</summary>
internal sealed class Network<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly HashSet<string> Reserved = ["x", "target", "loss"];

    private readonly Lock _lock = new();
    private readonly IReadOnlyList<Parameter<T>> _parameters;
    private readonly Buffer<T>[] _buffers;
    private readonly Dictionary<Parameter<T>, Quantity> _quantities = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, Quantity> _byAddress = new(StringComparer.Ordinal);
    private readonly List<Quantity> _all = [];
    private readonly Generator[] _generators;
    private readonly bool _isOwn;
    private readonly State _then;

    /// <summary>Takes a copy of the network, which nobody else knows; of one that cannot be copied, the network itself, which is then left as it was after each question.</summary>
    public Network(Layer<T> model)
    {
        try
        {
            model = model.Clone();
            _isOwn = true;
        }
        catch (Exception refusal) when (refusal is NotSupportedException or InvalidOperationException or ArgumentException)
        {
            // A layer holds what only it could copy.
        }

        Model = model;
        _parameters = model.Parameters;
        _generators = [.. model.Generators];
        _buffers = [.. model.NamedBuffers().Select(named => named.Buffer).Distinct()];
        _then = Now();
        foreach (var (name, parameter) in model.NamedParameters())
        {
            if (_quantities.ContainsKey(parameter)) continue;
            var matrix = parameter is MatrixParameter<T> ? (MatrixParameter<T>)parameter : null;
            _quantities[parameter] = Add(new(name, QuantityKind.Parameter, matrix is null ? 1 : 2, matrix?.Value.RowCount ?? 1, matrix?.Value.ColumnCount ?? parameter.Count, Copy(parameter.Values)) { Frozen = parameter.Frozen });
        }
    }

    /// <summary>What is run.</summary>
    public Layer<T> Model { get; }

    /// <summary>All quantities, in the order in which they were found.</summary>
    public IReadOnlyList<Quantity> All => _all;

    public IReadOnlyDictionary<string, Quantity> ByAddress => _byAddress;

    /// <summary>A parameter as it was.</summary>
    public Quantity QuantityOf(Parameter<T> parameter) => _quantities.TryGetValue(parameter, out var quantity)
        ? quantity
        : throw new ArgumentException($"An explanation expects a parameter of the network, but {parameter} is none.", nameof(parameter));

    /// <summary>Whether a quantity is one of this run.</summary>
    public bool Has(Quantity quantity) => _byAddress.GetValueOrDefault(quantity.Address) == quantity;

    /// <summary>Takes a quantity; where its address is taken, or is one that the run itself needs, it gets another.</summary>
    public Quantity Add(Quantity quantity, bool isReserved = false)
    {
        var added = quantity;
        for (var i = 2; (!isReserved && Reserved.Contains(added.Address)) || !_byAddress.TryAdd(added.Address, added); i++) added = quantity.Renamed($"{quantity.Address}~{Numbers.Of(i)}");
        _all.Add(added);
        return added;
    }

    /// <summary>Runs something with the network as it was. One that is not the explanation's own is left as it is.</summary>
    public TResult Inside<TResult>(Func<TResult> run)
    {
        lock (_lock)
        {
            // The default generator is everybody's, in copies too.
            if (_isOwn) return Keeping(run);
            var now = Now();
            var gradients = _parameters.Select(parameter => parameter.Gradients.ToArray()).ToArray();
            try
            {
                Set(_then);
                return Keeping(run);
            }
            finally
            {
                Set(now);
                for (var i = 0; i < gradients.Length; i++) gradients[i].CopyTo(_parameters[i].Gradients);
            }
        }
    }

    private TResult Keeping<TResult>(Func<TResult> run)
    {
        var states = Array.ConvertAll(_generators, generator => generator.GetState());
        try
        {
            return run();
        }
        finally
        {
            for (var i = 0; i < states.Length; i++) _generators[i].SetState(states[i]);
        }
    }

    public static double[] Copy(ReadOnlySpan<T> values)
    {
        var copy = new double[values.Length];
        for (var i = 0; i < copy.Length; i++) copy[i] = double.CreateChecked(values[i]);
        return copy;
    }

    public static double[] Copy(Matrix<T> matrix) => Copy(matrix.AsColumnMajorArray() ?? matrix.ToColumnMajorArray());

    private State Now() => new(
        [.. _parameters.Select(parameter => parameter.Values.ToArray())],
        [.. _parameters.Select(parameter => parameter.Frozen)],
        [.. _buffers.Select(buffer => buffer.Values.ToArray())],
        [.. _buffers.Select(buffer => buffer.Frozen)],
        [.. _buffers.Select(buffer => buffer is CounterBuffer<T> counter ? counter.Value : 0)]);

    private void Set(State state)
    {
        for (var i = 0; i < _parameters.Count; i++)
        {
            state.Values[i].CopyTo(_parameters[i].Values);
            _parameters[i].Frozen = state.FrozenValues[i];
        }

        for (var i = 0; i < _buffers.Length; i++)
        {
            state.Buffers[i].CopyTo(_buffers[i].Values);
            _buffers[i].Frozen = state.FrozenBuffers[i];
            if (_buffers[i] is CounterBuffer<T> counter) counter.Value = state.Counts[i];
        }
    }

    private sealed record State(T[][] Values, bool[] FrozenValues, T[][] Buffers, bool[] FrozenBuffers, long[] Counts);
}

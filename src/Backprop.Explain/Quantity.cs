using System.Globalization;
using System.Runtime.CompilerServices;

namespace Backprop.Explain;

/// <summary>A matrix, a vector or a number of one pass through a network, with an address in PyTorch's style: <c>hidden.weight.grad</c>.</summary>
/// <remarks>A vector is one row. The values are those that were there when the pass was explained, whatever has become of the network since.</remarks>
public sealed class Quantity
{
    private readonly double[]? _values;
    private readonly Dictionary<(int, int), double> _computed = [];
    private readonly Dictionary<(int, int), double> _magnitudes = [];
    private readonly HashSet<(int, int)> _open = [];
    private readonly List<Rule> _rules = [];

    internal Quantity(string address, QuantityKind kind, int rank, int rows, int columns, double[]? values)
    {
        (Address, Kind, Rank, Rows, Columns, _values) = (address, kind, rank, rows, columns, values);
    }

    /// <summary>The address: <c>x</c>, <c>target</c>, <c>loss</c>, <c>hidden.output</c>, <c>hidden.weight</c>; with <c>.grad</c> a gradient, with <c>.next</c> a parameter after a step.</summary>
    public string Address { get; }

    /// <summary>What it is.</summary>
    public QuantityKind Kind { get; }

    /// <summary>2 for a matrix, 1 for a vector, 0 for a number.</summary>
    public int Rank { get; }

    /// <summary>Rows: samples, or those of a weight; 1 for a vector.</summary>
    public int Rows { get; }

    /// <summary>Columns.</summary>
    public int Columns { get; }

    /// <summary>What it is the gradient, or the next value, of; null for others.</summary>
    public Quantity? Of { get; init; }

    /// <summary>The gradient of the loss with respect to it; null where there is none.</summary>
    public Quantity? Gradient { get; internal set; }

    /// <summary>Whether it is a parameter that stays as it is.</summary>
    public bool Frozen { get; init; }

    /// <summary>How many entries it has.</summary>
    public int Count => Rows * Columns;

    /// <summary>An entry, to compute with.</summary>
    /// <param name="row">The row, from 0.</param>
    /// <param name="column">The column, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such entry.</exception>
    public Entry this[int row, int column] => Has(row, column) ? new(this, row, column) : throw NoEntry(row, column);

    /// <summary>An entry of a vector.</summary>
    /// <param name="column">Which, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such entry.</exception>
    public Entry this[int column] => this[0, column];

    /// <summary>The number in a place.</summary>
    /// <param name="row">The row, from 0.</param>
    /// <param name="column">The column, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such entry.</exception>
    public double ValueAt(int row, int column)
    {
        if (!Has(row, column)) throw NoEntry(row, column);
        if (_values is not null) return _values[column * Rows + row];
        if (_computed.TryGetValue((row, column), out var known)) return known;
        return _computed[(row, column)] = Compute(row, column, numbers => numbers.Value);
    }

    /// <summary>What the number would be if nothing that it is made of cancelled.</summary>
    internal double MagnitudeAt(int row, int column)
    {
        if (_values is not null) return Math.Abs(ValueAt(row, column));
        if (_magnitudes.TryGetValue((row, column), out var known)) return known;
        return _magnitudes[(row, column)] = Compute(row, column, numbers => numbers.Magnitude);
    }

    // A definition may go through others, but not through itself, and not through more than the stack bears.
    private double Compute(int row, int column, Func<Expression, double> what)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        if (!_open.Add((row, column))) throw new InvalidOperationException($"{this[row, column].Address} is defined by itself.");
        try
        {
            return _rules[0].Numbers(row, column) is { } numbers ? what(numbers) : double.NaN;
        }
        finally
        {
            _open.Remove((row, column));
        }
    }

    /// <summary>The address and the shape: <c>hidden.weight (2, 4)</c>.</summary>
    public override string ToString() => Rank switch
    {
        0 => Address,
        1 => string.Create(CultureInfo.InvariantCulture, $"{Address} ({Columns})"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{Address} ({Rows}, {Columns})"),
    };

    private bool Has(int row, int column) => (uint)row < (uint)Rows && (uint)column < (uint)Columns;

    private ArgumentOutOfRangeException NoEntry(int row, int column) => new(nameof(row), string.Create(CultureInfo.InvariantCulture, $"{Address} has {Rows}x{Columns} entries, but was asked for [{row}, {column}]."));

    internal IReadOnlyList<Rule> Rules => _rules;

    /// <summary>Whether its values are the library's own, and not such as an explanation defines on the way.</summary>
    internal bool IsMeasured => _values is not null;

    internal void Add(Rule rule) => _rules.Add(rule);

    internal Quantity Renamed(string address) => new(address, Kind, Rank, Rows, Columns, _values) { Of = Of, Frozen = Frozen };
}

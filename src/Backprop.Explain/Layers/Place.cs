using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Explain;

/// <summary>A layer's place in an explained network: what comes in, what goes out, and the rules by which one becomes the other.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Place<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Expression SymbolX = Expression.Symbol("x", "ij"), SymbolY = Expression.Symbol("y", "ij"), SymbolDX = Expression.Symbol("dX", "ij"), SymbolDY = Expression.Symbol("dY", "ij");

    private readonly Network<T> _network;
    private readonly List<(string, Quantity)> _legend = [];
    private readonly List<Expression> _formulas = [];
    private readonly List<Quantity> _definitions = [];
    private readonly HashSet<Quantity> _ruled = [];
    private LocalDerivatives<T>? _derivatives;
    private bool _isSealed;

    internal Place(Network<T> network, string path, int depth, ForwardPass<T> pass, Quantity input, Quantity output, IReadOnlyList<Place<T>> children)
    {
        (_network, Path, Depth, Pass, Input, Output, Children) = (network, path, depth, pass, input, output, children);
        Own = OwnParameters(pass.Layer);
    }

    /// <summary>The names on the way to the layer: <c>encoder.0</c>; empty for the network itself.</summary>
    public string Path { get; }

    /// <summary>The layer.</summary>
    public Layer<T> Layer => Pass.Layer;

    /// <summary>Whether it ran as in training.</summary>
    public bool Training => Pass.Training;

    /// <summary>x, samples x features.</summary>
    public Quantity Input { get; }

    /// <summary>y.</summary>
    public Quantity Output { get; }

    /// <summary>dL/dX as the layer returned it; null without a loss.</summary>
    public Quantity? InputGradient { get; internal set; }

    /// <summary>dL/dY as the layer was given it; null without a loss.</summary>
    public Quantity? OutputGradient { get; internal set; }

    /// <summary>The places of the layers within, in the order of the pass's steps.</summary>
    public IReadOnlyList<Place<T>> Children { get; }

    internal int Depth { get; }

    internal ForwardPass<T> Pass { get; }

    /// <summary>The layer's own parameters, not those of layers within.</summary>
    internal IReadOnlyList<Parameter<T>> Own { get; }

    internal IReadOnlyList<(string, Quantity)> Legend => _legend;

    internal IReadOnlyList<Expression> Formulas => _formulas;

    internal IReadOnlyList<Quantity> Definitions => _definitions;

    internal LocalDerivatives<T> Derivatives => _derivatives ??= new(_network, this);

    /// <summary>A parameter's values.</summary>
    /// <param name="parameter">One of the layer's parameters.</param>
    /// <param name="symbol">What the formulas call it.</param>
    /// <exception cref="ArgumentException">It is no parameter of the network.</exception>
    public Quantity Parameter(Parameter<T> parameter, string symbol) => Named(symbol, _network.QuantityOf(parameter));

    /// <summary>Says what a symbol of the formulas stands for.</summary>
    /// <param name="symbol">The symbol.</param>
    /// <param name="quantity">The quantity.</param>
    /// <returns>The quantity.</returns>
    public Quantity Named(string symbol, Quantity quantity)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(symbol);
        ArgumentNullException.ThrowIfNull(quantity);
        _legend.Add((symbol, quantity));
        return quantity;
    }

    /// <summary>Says how a quantity comes about.</summary>
    /// <param name="quantity">The output, the input's gradient, a parameter's gradient; nothing is done where it is null, as gradients are without a loss, or where no rule is needed: for what is data, and for a frozen parameter.</param>
    /// <param name="formula">The formula in symbols, an equation.</param>
    /// <param name="numbers">The right side for an entry (row, column), of entries of other quantities.</param>
    /// <param name="note">What else there is to say.</param>
    public void Rule(Quantity? quantity, Expression formula, Func<int, int, Expression> numbers, string? note = null)
    {
        ArgumentNullException.ThrowIfNull(formula);
        ArgumentNullException.ThrowIfNull(numbers);
        RequireOpen();
        if (quantity is null || quantity.Kind is QuantityKind.Data or QuantityKind.Parameter) return;
        if (!Rules(quantity)) throw new ArgumentException($"A rule of {Layer} is expected to be for its output, its dX, a gradient of its parameters, what it hands to a layer within or something that it defines, but it is for {quantity}.", nameof(quantity));
        if (!_formulas.Contains(formula)) _formulas.Add(formula);
        // Where y is x itself, as in the identity, its rule is that of x; and only parameters add up over places.
        if (!_ruled.Add(quantity) || (quantity.Rules.Count > 0 && quantity.Of?.Kind != QuantityKind.Parameter)) return;
        quantity.Add(new(Path, formula, numbers, Note: note));
    }

    /// <summary>Names what stands between: a mean, a share. It can be asked for like any quantity.</summary>
    /// <param name="name">Its name within the layer, which is also its symbol.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="formula">The formula in symbols.</param>
    /// <param name="numbers">The right side for an entry.</param>
    /// <param name="symbol">Its symbol, where that is another.</param>
    public Quantity Define(string name, int rows, int columns, Expression formula, Func<int, int, Expression> numbers, string? symbol = null)
    {
        ArgumentNullException.ThrowIfNull(formula);
        ArgumentNullException.ThrowIfNull(numbers);
        RequireNew(name, rows, columns);
        var quantity = _network.Add(new(Under(name), QuantityKind.Value, 2, rows, columns, null));
        quantity.Add(new(Path, formula, numbers));
        _formulas.Add(formula);
        _definitions.Add(quantity);
        return Named(symbol ?? name, quantity);
    }

    /// <summary>Names numbers that the layer keeps or has drawn.</summary>
    /// <param name="name">Their name within the layer, which is also their symbol.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="values">The numbers, column after column.</param>
    /// <param name="symbol">Their symbol, where that is another.</param>
    public Quantity Keep(string name, int rows, int columns, ReadOnlySpan<T> values, string? symbol = null)
    {
        RequireNew(name, rows, columns);
        if (values.Length != rows * columns) throw new ArgumentException(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{name} of {Layer} is expected to have {rows}x{columns} values, but there are {values.Length}."), nameof(values));
        var quantity = _network.Add(new(Under(name), QuantityKind.Parameter, rows == 1 ? 1 : 2, rows, columns, Network<T>.Copy(values)));
        _definitions.Add(quantity);
        return Named(symbol ?? name, quantity);
    }

    /// <summary>A function of each entry, y = f(x) and dX = dY f'(x), said once for symbols and numbers.</summary>
    /// <param name="f">f.</param>
    /// <param name="derivative">f', of x and y.</param>
    public void Elementwise(Func<Expression, Expression> f, Func<Expression, Expression, Expression> derivative)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentNullException.ThrowIfNull(derivative);
        if (f(SymbolX) is null || derivative(SymbolX, SymbolY) is null) throw new ArgumentException($"A function of {Layer} is expected to give a formula, but it gives null.");
        Rule(Output, Expression.Equal(SymbolY, f(SymbolX)), (i, j) => f(Input[i, j]));
        Rule(InputGradient, Expression.Equal(SymbolDX, SymbolDY * derivative(SymbolX, SymbolY)), (i, j) => OutputGradient![i, j] * derivative(Input[i, j], Output[i, j]));
    }

    /// <summary>f'(x) of each entry, by the layer's own backward pass for a dY of ones: for layers that work entry by entry.</summary>
    /// <returns>As many as there are entries of the input, column after column.</returns>
    public T[] DerivativeOfEachEntry() => _network.Inside(() =>
    {
        var ones = Matrix<T>.Build.Dense(Output.Rows, Output.Columns, T.One);
        return Pass.Backward(ones)!.AsColumnMajorArray().ToArray();
    });

    /// <summary>What is explained stays so.</summary>
    internal void Seal() => _isSealed = true;

    internal bool HasRuled(Quantity quantity) => _ruled.Contains(quantity);

    internal void AddGeneric(Quantity quantity, Func<int, int, Expression?> numbers, string? note = null, Func<int, int, IReadOnlyList<LocalDerivative>>? influences = null, Func<string?>? trouble = null)
    {
        _ruled.Add(quantity);
        quantity.Add(new(Path, null, numbers, IsGeneric: true, note, influences, trouble));
    }

    internal Quantity? GradientOf(Parameter<T> parameter) => _network.QuantityOf(parameter).Gradient;

    private bool Rules(Quantity quantity) => _network.Has(quantity) && (quantity == Output || quantity == InputGradient || _definitions.Contains(quantity)
        || Own.Any(parameter => GradientOf(parameter) == quantity) || Children.Any(child => child.OutputGradient == quantity || child.Input == quantity));

    private void RequireOpen()
    {
        if (_isSealed) throw new InvalidOperationException($"{Layer} is explained already: rules are given within Explain.");
    }

    private void RequireNew(string name, int rows, int columns)
    {
        RequireOpen();
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
    }

    private string Under(string name) => Path.Length == 0 ? name : $"{Path}.{name}";

    private static IReadOnlyList<Parameter<T>> OwnParameters(Layer<T> layer)
    {
        // Parents come first.
        var all = layer.NamedParameters().ToArray();
        return [.. all.Take(all.Length - layer.Children.Sum(child => child.Layer.NamedParameters().Count())).Select(named => named.Parameter)];
    }
}

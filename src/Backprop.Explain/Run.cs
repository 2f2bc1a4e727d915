using System.Numerics;
using MathNet.Numerics.LinearAlgebra;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Runs a network once, forward and back, and finds for every matrix what it is and who says where it comes from.</summary>
/// <remarks>A matrix is known by reference: the output that one layer gave and the input that the next one got are the same matrix, and so one quantity.</remarks>
internal sealed class Run<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Network<T> _network;
    private readonly ExplanationOptions _options;
    private readonly IReadOnlyList<LayerExplainer<T>> _explainers;
    private readonly Dictionary<Matrix<T>, Quantity> _values = new(ReferenceEqualityComparer.Instance), _gradients = new(ReferenceEqualityComparer.Instance);
    private readonly List<Place<T>> _places = [];       // containers after what stands in them
    private readonly Layer<T> _model;

    public Run(Layer<T> model, Loss<T>? loss, Matrix<T> x, Matrix<T>? target, ExplanationOptions options, IReadOnlyList<LayerExplainer<T>> explainers)
    {
        _network = new(model);
        (_model, _options, _explainers) = (_network.Model, options, explainers);
        _network.Inside(() =>
        {
            Through(loss, x, target);
            return true;
        });
        foreach (var place in _places) Explain(place);
        foreach (var place in _places) ExplainByItself(place);
        foreach (var place in _places)
            if (place.OutputGradient is { Rules.Count: 0 } dY) place.AddGeneric(dY, (_, _) => null, "The container that the layer stands in hands it over.");
        if (loss is not null && options.LearningRate is double rate) Step(rate);
        foreach (var place in _places) place.Seal();
        Layers = [.. Described(_places[^1])];
        Problems = [.. FirstNotFinite()];
    }

    public IReadOnlyList<Quantity> Quantities => _network.All;

    public IReadOnlyDictionary<string, Quantity> ByAddress => _network.ByAddress;

    public IReadOnlyList<ExplainedLayer> Layers { get; }

    public ExplainedLoss? ExplainedLoss { get; private set; }

    public IReadOnlyList<string> Problems { get; }

    private void Through(Loss<T>? loss, Matrix<T> x, Matrix<T>? target)
    {
        var pass = _model.NewPass(_options.Training);
        var prediction = pass.Forward(x);
        _values[x] = _network.Add(new("x", QuantityKind.Data, 2, x.RowCount, x.ColumnCount, Network<T>.Copy(x)), isReserved: true);
        var whole = Forward(pass, "", 0);
        if (loss is null) return;

        var t = _network.Add(new("target", QuantityKind.Data, 2, target!.RowCount, target.ColumnCount, Network<T>.Copy(target)), isReserved: true);
        var (p, dP) = (prediction.Clone(), loss.Backward(prediction, target));
        var value = _network.Add(new("loss", QuantityKind.Loss, 0, 1, 1, [double.CreateChecked(loss.Forward(prediction, target))]), isReserved: true);
        foreach (var parameter in _model.Parameters) parameter.ZeroGradient();
        pass.Backward(dP);
        Backward(whole);
        foreach (var (_, parameter) in _model.NamedParameters())
        {
            var quantity = _network.QuantityOf(parameter);
            if (quantity.Gradient is null && !parameter.Frozen)
                quantity.Gradient = _network.Add(new($"{quantity.Address}.grad", QuantityKind.Gradient, quantity.Rank, quantity.Rows, quantity.Columns, Network<T>.Copy(parameter.Gradients)) { Of = quantity });
        }

        var legend = new List<(string, Quantity)> { ("p", whole.Output), ("t", t) };
        var rule = LossExplainer<T>.Explain(new(_network, "loss", loss, p, target, whole.Output, 0, t, 0, legend));
        value.Add(new(null, rule.Formula, (_, _) => rule.Value(), rule.IsGeneric, rule.Note));
        whole.OutputGradient!.Add(new(null, rule.GradientFormula, rule.Gradient, rule.IsGeneric, rule.Note));
        legend.Add(("dp", whole.OutputGradient));
        ExplainedLoss = new($"{loss}", value, whole.Output, t)
        {
            Formula = loss.Formula,
            Derivative = loss.Derivative,
            Formulas = [.. ((Expression?[])[rule.Formula, rule.GradientFormula]).OfType<Expression>()],
            Legend = legend,
        };
    }

    private Place<T> Forward(ForwardPass<T> pass, string path, int depth)
    {
        var input = _values.TryGetValue(pass.Input, out var known) ? known : _values[pass.Input] = Value(path, "input", pass.Input);
        var within = new List<Place<T>>();
        for (var i = 0; i < pass.Steps.Count; i++)
            if (HasRun(pass.Steps[i])) within.Add(Forward(pass.Steps[i], Path(path, NameOf(pass, i)), depth + 1));
        var output = _values.TryGetValue(pass.Output, out known) ? known : _values[pass.Output] = Value(path, "output", pass.Output);
        var place = new Place<T>(_network, path, depth, pass, input, output, within);
        _places.Add(place);
        return place;
    }

    private void Backward(Place<T> whole)
    {
        // The dL/dX that a layer returned is the dL/dY of the one before it, where no container has added to it: then it is the gradient of that one's output.
        // What a container's first layer returned, the container returns: there the outermost names it.
        var (given, returned) = (new Dictionary<Matrix<T>, Place<T>>(ReferenceEqualityComparer.Instance), new Dictionary<Matrix<T>, Place<T>>(ReferenceEqualityComparer.Instance));
        foreach (var place in Enumerable.Reverse(_places))
        {
            if (place.Pass.OutputGradient is not { } dY) continue;
            given.TryAdd(dY, place);
            if (place.Pass.InputGradient is { } dX) returned.TryAdd(dX, place);
        }

        Go(whole);

        void Go(Place<T> place)
        {
            if (place.Pass.OutputGradient is not { } dY) return;      // nobody here learns
            place.OutputGradient = GradientOf(dY, place.Output, $"{place.Output.Address}.grad", Path(place.Path, "output.grad"));
            for (var i = place.Children.Count - 1; i >= 0; i--) Go(place.Children[i]);
            if (place.Pass.InputGradient is not { } dX) return;
            var owner = returned[dX];
            var own = Path(owner.Path, "input.grad");
            place.InputGradient = given.TryGetValue(dX, out var before) ? GradientOf(dX, before.Output, $"{before.Output.Address}.grad", Path(before.Path, "output.grad"))
                : GradientOf(dX, owner.Input, owner.Depth == 0 ? "x.grad" : own, own);
        }

        Quantity GradientOf(Matrix<T> gradient, Quantity of, string address, string other)
        {
            if (_gradients.TryGetValue(gradient, out var known)) return known;
            var quantity = _network.Add(new(_network.ByAddress.ContainsKey(address) ? other : address, QuantityKind.Gradient, 2, gradient.RowCount, gradient.ColumnCount, Network<T>.Copy(gradient)) { Of = of });
            if (quantity.Address == $"{of.Address}.grad") of.Gradient ??= quantity;
            return _gradients[gradient] = quantity;
        }
    }

    private void Explain(Place<T> place)
    {
        if (_explainers.FirstOrDefault(explainer => explainer.Explains(place.Layer)) is { } explainer) explainer.Explain(place);
    }

    /// <summary>Where nobody has said it, the layer's own backward pass does.</summary>
    private static void ExplainByItself(Place<T> place)
    {
        if (place.Output.Rules.Count == 0 && place.Output.Kind == QuantityKind.Value) place.AddGeneric(place.Output, (_, _) => null, null, place.Derivatives.OfOutput);
        if (place.OutputGradient is null) return;
        if (place.InputGradient is { Rules.Count: 0 } dX && !ReferenceEquals(dX, place.OutputGradient)) place.AddGeneric(dX, place.Derivatives.OfInput, trouble: () => place.Derivatives.Trouble);
        foreach (var parameter in place.Own)
            if (place.GradientOf(parameter) is { } gradient && !place.HasRuled(gradient))
                place.AddGeneric(gradient, (row, column) => place.Derivatives.OfParameter(parameter, row, column), trouble: () => place.Derivatives.Trouble);
    }

    private void Step(double rate)
    {
        var formula = Equal(Symbol("θ", ""), Symbol("θ", "") - Symbol("η") * Symbol("dθ", ""));
        foreach (var (_, parameter) in _model.NamedParameters())
        {
            var quantity = _network.QuantityOf(parameter);
            if (quantity.Gradient is not { } gradient || _network.ByAddress.ContainsKey($"{quantity.Address}.next")) continue;
            var next = _network.Add(new($"{quantity.Address}.next", QuantityKind.Next, quantity.Rank, quantity.Rows, quantity.Columns, null) { Of = quantity });
            next.Add(new(null, formula, (i, j) => quantity[i, j] - rate * gradient[i, j], Note: "One step of gradient descent; η is the learning rate."));
        }
    }

    private IEnumerable<ExplainedLayer> Described(Place<T> place)
    {
        var layer = place.Layer;
        var isActivation = layer is Activation<T> or VectorizedActivation<T> or PReLU<T>;
        double? saturated = null;
        if (isActivation && place.Output.Count > 0 && place.OutputGradient is not null)
        {
            try
            {
                var derivatives = place.DerivativeOfEachEntry();
                saturated = (double)derivatives.Count(d => T.Abs(d) <= T.CreateTruncating(0.01)) / derivatives.Length;
            }
            catch (Exception refusal) when (refusal is not OutOfMemoryException)
            {
                // It does not like to be asked: then nobody knows.
            }
        }

        yield return new(place.Path, place.Depth, place.Children.Count == 0, layer.GetType().Name.Split('`')[0], $"{layer}", place.Input, place.Output)
        {
            InputGradient = place.InputGradient,
            OutputGradient = place.OutputGradient,
            Parameters = [.. place.Own.Select(_network.QuantityOf)],
            Definitions = place.Definitions,
            Formula = layer.Formula,
            Derivative = layer.Derivative,
            Formulas = place.Formulas,
            Legend = LegendOf(place),
            IsActivation = isActivation,
            Saturated = saturated,
            Facts = [.. Facts(place, saturated)],
        };
        foreach (var child in place.Children)
            foreach (var within in Described(child)) yield return within;
    }

    private static IReadOnlyList<(string, Quantity)> LegendOf(Place<T> place)
    {
        var legend = new List<(string, Quantity)> { ("x", place.Input), ("y", place.Output) };
        legend.AddRange(place.Legend);
        if (place.OutputGradient is { } dY) legend.Add(("dY", dY));
        if (place.InputGradient is { } dX) legend.Add(("dX", dX));
        foreach (var (symbol, quantity) in place.Legend)
            if (quantity is { Kind: QuantityKind.Parameter, Gradient: { } gradient }) legend.Add(($"d{symbol}", gradient));
        return [.. legend.DistinctBy(pair => pair.Item1)];
    }

    private static IEnumerable<string> Facts(Place<T> place, double? saturated)
    {
        if (saturated is double share and > 0) yield return $"{Percent(share)} of the entries are saturated: their local derivative is at most 0.01.";
        if (place.Layer is Activation<T> && place.Output is { Rows: > 1, Columns: > 0 } y)
        {
            var dead = Enumerable.Range(0, y.Columns).Count(j => Enumerable.Range(0, y.Rows).All(i => y.ValueAt(i, j) == 0));
            if (dead > 0) yield return $"{Numbers.Of(dead)} of {Numbers.Of(y.Columns)} units give 0 for every sample.";
        }
    }

    private static string Percent(double share) => $"{Numbers.Short(Math.Round(100 * share, 1))} %";

    /// <summary>In the order in which numbers come about: data and parameters, values, the loss, gradients.</summary>
    private IEnumerable<string> FirstNotFinite()
    {
        foreach (var kind in (QuantityKind[])[QuantityKind.Parameter, QuantityKind.Data, QuantityKind.Value, QuantityKind.Loss, QuantityKind.Gradient])
        {
            foreach (var quantity in _network.All)
            {
                if (quantity.Kind != kind || !quantity.IsMeasured) continue;
                for (var e = 0; e < quantity.Count; e++)
                {
                    var value = quantity.ValueAt(e % quantity.Rows, e / quantity.Rows);
                    if (double.IsFinite(value)) continue;
                    yield return $"The first number that is not finite is {quantity[e % quantity.Rows, e / quantity.Rows].Address}: {Numbers.Full(value)}.";
                    yield break;
                }
            }
        }
    }

    private Quantity Value(string path, string name, Matrix<T> matrix) => _network.Add(new(Path(path, name), QuantityKind.Value, 2, matrix.RowCount, matrix.ColumnCount, Network<T>.Copy(matrix)));

    private static string Path(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    /// <summary>The name of the child that a step goes through; a second step through it has a number.</summary>
    private static string NameOf(ForwardPass<T> pass, int step)
    {
        var (children, layer) = (pass.Layer.Children, pass.Steps[step].Layer);
        if (step < children.Count && ReferenceEquals(children[step].Layer, layer)) return children[step].Name;
        var name = children.First(child => ReferenceEquals(child.Layer, layer)).Name;
        return $"{name}~{Numbers.Of(1 + pass.Steps.Take(step).Count(before => ReferenceEquals(before.Layer, layer)))}";
    }

    // A container may leave a child out.
    private static bool HasRun(ForwardPass<T> pass)
    {
        try
        {
            return pass.Output is not null && pass.Input is not null;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}

using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Explain;

/// <summary>The local derivatives of any layer, without a line from whoever wrote it: ∂y[i, k]/∂x[p, q] is what its own backward pass returns for a dY that is 1 there and 0 elsewhere.</summary>
/// <remarks>A layer of many outputs is asked only for those with the largest gradients; what all others pass back together is found by one more backward pass, without these.</remarks>
internal sealed class LocalDerivatives<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Outputs of which all are asked, at most.</summary>
    public const int Most = 4096;

    /// <summary>Outputs that are asked of a larger layer.</summary>
    private const int Chosen = 64;

    /// <summary>Numbers that may be gone through to ask all.</summary>
    private const long MostNumbers = 40_000_000;

    private readonly Network<T> _network;
    private readonly Place<T> _place;
    private readonly Dictionary<(object Of, int Index), List<(int Output, double Derivative)>> _columns = [];
    private readonly Dictionary<(object Of, int Index), double> _rest = [];
    private int _others;
    private bool _known;

    public LocalDerivatives(Network<T> network, Place<T> place) => (_network, _place) = (network, place);

    /// <summary>dX[p, q] = Σ dY[i, k] ∂y[i, k]/∂x[p, q].</summary>
    public Expression OfInput(int row, int column) => Of(_place.Input, column * _place.Input.Rows + row, _place.Input[row, column]);

    /// <summary>dθ = Σ dY[i, k] ∂y[i, k]/∂θ.</summary>
    public Expression OfParameter(Parameter<T> parameter, int row, int column)
    {
        var quantity = _network.QuantityOf(parameter);
        return Of(parameter, column * quantity.Rows + row, quantity[row, column]);
    }

    /// <summary>What an output moves with: the entries of x and of the layer's own parameters whose local derivative is not 0, the largest first.</summary>
    public IReadOnlyList<LocalDerivative> OfOutput(int row, int column)
    {
        const int most = 12;
        var found = new List<LocalDerivative>();
        _network.Inside(() =>
        {
            var y = _place.Output;
            var unit = Matrix<T>.Build.Dense(y.Rows, y.Columns);
            unit[row, column] = T.One;
            Ask(unit, [.. _place.Own.Where(parameter => !parameter.Frozen)], (key, derivative) =>
            {
                var by = key.Item1 is Parameter<T> parameter ? _network.QuantityOf(parameter) : _place.Input;
                found.Add(new(y[row, column], by[key.Item2 % by.Rows, key.Item2 / by.Rows], derivative));
            });
            return true;
        });
        return [.. found.OrderByDescending(one => double.IsNaN(one.Number) ? double.PositiveInfinity : Math.Abs(one.Number)).Take(most)];
    }

    private Expression Of(object of, int index, Entry by)
    {
        if (!_known) Find();
        var (y, dY) = (_place.Output, _place.OutputGradient!);
        var terms = _columns.GetValueOrDefault((of, index), []).Select(one => dY[one.Output % y.Rows, one.Output / y.Rows] * new LocalDerivative(y[one.Output % y.Rows, one.Output / y.Rows], by, one.Derivative));
        return Expression.Sum(_others > 0 ? [.. terms, new Rest(_others, _rest.GetValueOrDefault((of, index)))] : terms);
    }

    private void Find()
    {
        var (y, dY) = (_place.Output, _place.OutputGradient!);
        var learning = _place.Own.Where(parameter => !parameter.Frozen).ToArray();
        var numbers = (long)y.Count * (_place.Input.Count + learning.Sum(parameter => (long)parameter.Count));
        int[] asked = y.Count <= Most && numbers <= MostNumbers
            ? [.. Enumerable.Range(0, y.Count)]
            : [.. Enumerable.Range(0, y.Count).OrderByDescending(o => Math.Abs(dY.ValueAt(o % y.Rows, o / y.Rows))).Take(Chosen).Order()];
        _network.Inside(() =>
        {
            foreach (var output in asked)
            {
                var unit = Matrix<T>.Build.Dense(y.Rows, y.Columns);
                unit[output % y.Rows, output / y.Rows] = T.One;
                Ask(unit, learning, (key, derivative) =>
                {
                    if (!_columns.TryGetValue(key, out var column)) _columns[key] = column = [];
                    column.Add((output, derivative));
                });
            }

            if (asked.Length < y.Count)
            {
                var others = Matrix<T>.Build.Dense(y.Rows, y.Columns, (i, k) => T.CreateChecked(dY.ValueAt(i, k)));
                foreach (var output in asked) others[output % y.Rows, output / y.Rows] = T.Zero;
                Ask(others, learning, (key, sum) => _rest[key] = sum);
                _others = y.Count - asked.Length;
            }

            return true;
        });
        _known = true;
    }

    private void Ask(Matrix<T> dY, Parameter<T>[] learning, Action<(object, int), double> take)
    {
        foreach (var parameter in learning) parameter.ZeroGradient();
        Take(_place.Input, _place.Pass.Backward(dY)!.AsColumnMajorArray(), take);
        foreach (var parameter in learning) Take(parameter, parameter.Gradients, take);
    }

    private static void Take(object of, ReadOnlySpan<T> values, Action<(object, int), double> take)
    {
        for (var i = 0; i < values.Length; i++)
            if (values[i] != T.Zero) take((of, i), double.CreateChecked(values[i]));
    }
}

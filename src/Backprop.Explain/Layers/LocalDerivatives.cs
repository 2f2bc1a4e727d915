using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Explain;

/// <summary>The local derivatives of any layer, without a line from whoever wrote it: ∂y[i, k]/∂x[p, q] is what its own backward pass returns for a dY that is 1 there and 0 elsewhere.</summary>
/// <remarks>A layer of many outputs is asked only for some of them: for dX[p, q] for those of sample p, for a parameter for those with the largest gradients. What all others pass back together is found by one more backward pass, without these.</remarks>
internal sealed class LocalDerivatives<T>(Network<T> network, Place<T> place) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Outputs of which all are asked, at most.</summary>
    public const int Most = 4096;

    /// <summary>Outputs that are asked of a larger layer.</summary>
    private const int Chosen = 64, ChosenOfSample = 1024;

    /// <summary>Numbers that may be gone through to ask all.</summary>
    private const long MostNumbers = 40_000_000;

    private const int Whole = -1;

    private readonly Dictionary<int, Table?> _tables = [];      // of all outputs, or of the chosen ones of a sample

    /// <summary>Why there are none; null where there are.</summary>
    public string? Trouble { get; private set; }

    private long Numbers => (long)place.Output.Count * (place.Input.Count + Learning.Sum(parameter => (long)parameter.Count));

    private Parameter<T>[] Learning => [.. place.Own.Where(parameter => !parameter.Frozen)];

    private bool AsksAll => place.Output.Count <= Most && Numbers <= MostNumbers;

    /// <summary>dX[p, q] = Σ dY[i, k] ∂y[i, k]/∂x[p, q]; null where the layer refuses to be asked.</summary>
    public Expression? OfInput(int row, int column) =>
        Of(AsksAll || place.Output.Rows != place.Input.Rows ? Whole : row, place.Input, column * place.Input.Rows + row, place.Input[row, column]);

    /// <summary>dθ = Σ dY[i, k] ∂y[i, k]/∂θ; null where the layer refuses to be asked.</summary>
    public Expression? OfParameter(Parameter<T> parameter, int row, int column)
    {
        var quantity = network.QuantityOf(parameter);
        return Of(Whole, parameter, column * quantity.Rows + row, quantity[row, column]);
    }

    /// <summary>What an output moves with: the entries of x and of the layer's own parameters whose local derivative is not 0, the largest first.</summary>
    public IReadOnlyList<LocalDerivative> OfOutput(int row, int column)
    {
        const int most = 12;
        var found = new List<LocalDerivative>();
        Try(() =>
        {
            var y = place.Output;
            var unit = Matrix<T>.Build.Dense(y.Rows, y.Columns);
            unit[row, column] = T.One;
            Ask(unit, Learning, (key, derivative) =>
            {
                var by = key.Item1 is Parameter<T> parameter ? network.QuantityOf(parameter) : place.Input;
                found.Add(new(y[row, column], by[key.Item2 % by.Rows, key.Item2 / by.Rows], derivative));
            });
            return found;
        });
        return [.. found.OrderByDescending(one => double.IsNaN(one.Number) ? double.PositiveInfinity : Math.Abs(one.Number)).Take(most)];
    }

    private Expression? Of(int sample, object of, int index, Entry by)
    {
        if (!_tables.TryGetValue(sample, out var table)) _tables[sample] = table = Try(() => Find(sample));
        if (table is null) return null;
        var (y, dY) = (place.Output, place.OutputGradient!);
        var terms = table.Columns.GetValueOrDefault((of, index), []).Select(one => dY[one.Output % y.Rows, one.Output / y.Rows] * new LocalDerivative(y[one.Output % y.Rows, one.Output / y.Rows], by, one.Derivative));
        // Of others that pass nothing back there is nothing to say.
        return Expression.Sum(table.Rest.TryGetValue((of, index), out var rest) ? [.. terms, new Rest(table.Others, rest)] : terms);
    }

    private Table Find(int sample)
    {
        var (y, dY) = (place.Output, place.OutputGradient!);
        var table = new Table();
        int[] asked = AsksAll ? [.. Enumerable.Range(0, y.Count)] : [.. Largest(sample).Order()];
        foreach (var output in asked)
        {
            var unit = Matrix<T>.Build.Dense(y.Rows, y.Columns);
            unit[output % y.Rows, output / y.Rows] = T.One;
            Ask(unit, Learning, (key, derivative) =>
            {
                if (!table.Columns.TryGetValue(key, out var column)) table.Columns[key] = column = [];
                column.Add((output, derivative));
            });
        }

        if (asked.Length == y.Count) return table;
        table.Others = y.Count - asked.Length;
        var others = Matrix<T>.Build.Dense(y.Rows, y.Columns, (i, k) => T.CreateChecked(dY.ValueAt(i, k)));
        foreach (var output in asked) others[output % y.Rows, output / y.Rows] = T.Zero;
        Ask(others, Learning, (key, sum) => table.Rest[key] = sum);
        return table;
    }

    private IEnumerable<int> Largest(int sample)
    {
        var (y, dY) = (place.Output, place.OutputGradient!);
        return sample == Whole
            ? Enumerable.Range(0, y.Count).OrderByDescending(o => Math.Abs(dY.ValueAt(o % y.Rows, o / y.Rows))).Take(Chosen)
            : Enumerable.Range(0, y.Columns).OrderByDescending(k => Math.Abs(dY.ValueAt(sample, k))).Take(ChosenOfSample).Select(k => k * y.Rows + sample);
    }

    private TResult? Try<TResult>(Func<TResult> find) where TResult : class
    {
        try
        {
            return network.Inside(find);
        }
        catch (Exception refusal) when (refusal is not OutOfMemoryException)
        {
            Trouble = $"The layer's backward pass could not be asked: {refusal.Message}";
            return null;
        }
    }

    private void Ask(Matrix<T> dY, Parameter<T>[] learning, Action<(object, int), double> take)
    {
        foreach (var parameter in learning) parameter.ZeroGradient();
        Take(place.Input, place.Pass.Backward(dY)!.AsColumnMajorArray(), take);
        foreach (var parameter in learning) Take(parameter, parameter.Gradients, take);
    }

    private static void Take(object of, ReadOnlySpan<T> values, Action<(object, int), double> take)
    {
        for (var i = 0; i < values.Length; i++)
            if (values[i] != T.Zero) take((of, i), double.CreateChecked(values[i]));
    }

    private sealed class Table
    {
        public Dictionary<(object Of, int Index), List<(int Output, double Derivative)>> Columns { get; } = [];

        public Dictionary<(object Of, int Index), double> Rest { get; } = [];

        public int Others { get; set; }
    }
}

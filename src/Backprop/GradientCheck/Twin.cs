using System.Globalization;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A layer in float beside the same layer in double, which says what the results should be.</summary>
internal static class Twin
{
    /// <summary>Copies parameters, buffers and the state of generators to the twin.</summary>
    /// <returns>What does not fit, in words; nothing was copied then.</returns>
    public static List<string> Copy(Layer<float> layer, Layer<double> twin)
    {
        var problems = new List<string>();
        var (parameters, twins) = (layer.NamedParameters().ToArray(), twin.NamedParameters().ToArray());
        var (buffers, twinBuffers) = (layer.NamedBuffers().ToArray(), twin.NamedBuffers().ToArray());
        Fit("parameter", [.. parameters.Select(named => (named.Name, named.Parameter.Shape, named.Parameter.GetType().Name))], [.. twins.Select(named => (named.Name, named.Parameter.Shape, named.Parameter.GetType().Name))], problems);
        Fit("buffer", [.. buffers.Select(named => (named.Name, named.Buffer.Shape, named.Buffer.GetType().Name))], [.. twinBuffers.Select(named => (named.Name, named.Buffer.Shape, named.Buffer.GetType().Name))], problems);
        var (generators, twinGenerators) = (layer.Generators.ToArray(), twin.Generators.ToArray());
        if (generators.Length != twinGenerators.Length) problems.Add($"The layer draws from {generators.Length} generators, but the twin from {twinGenerators.Length}.");
        if (problems.Count > 0) return problems;

        foreach (var (name, parameter) in parameters) Widen(parameter.Values, twins.First(named => named.Name == name).Parameter.Values);
        foreach (var (name, buffer) in buffers)
        {
            var other = twinBuffers.First(named => named.Name == name).Buffer;
            Widen(buffer.Values, other.Values);
            if (buffer is CounterBuffer<float> counter) ((CounterBuffer<double>)other).Value = counter.Value;
        }

        for (var i = 0; i < generators.Length; i++) twinGenerators[i].SetState(generators[i].GetState());
        return problems;
    }

    /// <summary>The same numbers in double.</summary>
    public static Matrix<double> Widen(Matrix<float> x)
    {
        var wide = Matrix<double>.Build.Dense(x.RowCount, x.ColumnCount);
        Widen(x.Span(), wide.Span());
        return wide;
    }

    /// <summary>Compares what a float gave with what the double says.</summary>
    public static GradientComparison Compare(string name, int rows, ReadOnlySpan<float> byHand, ReadOnlySpan<double> expected, Tolerances tolerance)
    {
        var (narrow, worst, share) = (new double[byHand.Length], 0, -1.0);
        Widen(byHand, narrow);
        for (var i = 0; i < narrow.Length; i++)
        {
            var ratio = narrow[i].Equals(expected[i]) || narrow[i] == (float)expected[i] ? 0 : Math.Abs(narrow[i] - expected[i]) / (tolerance.Absolute + tolerance.Relative * Math.Abs(expected[i]));
            if (double.IsNaN(ratio)) ratio = double.PositiveInfinity;
            if (ratio > share) (worst, share) = (i, ratio);
        }

        return new GradientComparison(name, rows, narrow, expected.ToArray(), worst, share, share <= 1, twin: true);
    }

    private static void Widen(ReadOnlySpan<float> from, Span<double> to)
    {
        for (var i = 0; i < from.Length; i++) to[i] = from[i];
    }

    private static void Fit(string what, (string Name, IReadOnlyList<int> Shape, string Kind)[] ours, (string Name, IReadOnlyList<int> Shape, string Kind)[] theirs, List<string> problems)
    {
        foreach (var (name, shape, kind) in ours)
        {
            if (Array.FindIndex(theirs, other => other.Name == name) is var at && at < 0) problems.Add($"The twin has no {what} {name}.");
            else if (!theirs[at].Shape.SequenceEqual(shape)) problems.Add($"The {what} {name} is {Text(shape)}, but the twin's is {Text(theirs[at].Shape)}.");
            else if (theirs[at].Kind != kind) problems.Add($"The {what} {name} is of another kind in the twin.");
        }

        foreach (var (name, _, _) in theirs)
            if (!Array.Exists(ours, other => other.Name == name)) problems.Add($"The twin has a {what} {name}, which the layer has not.");
    }

    private static string Text(IReadOnlyList<int> shape) => $"({string.Join(", ", shape.Select(size => size.ToString(CultureInfo.InvariantCulture)))})";

    /// <summary>What is allowed: absolute + relative |b|.</summary>
    internal readonly record struct Tolerances(double Absolute, double Relative);
}

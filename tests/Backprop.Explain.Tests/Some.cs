using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Explain.Tests;

/// <summary>Networks and numbers to explain.</summary>
internal static class Some
{
    /// <summary>The notebook's network: weights -0.1, biases 0.</summary>
    public static Sequential<double> Notebook()
    {
        var (hidden, output) = (new Linear<double>(1, 1), new Linear<double>(1, 1));
        hidden.Weight.Value[0, 0] = output.Weight.Value[0, 0] = -0.1;
        hidden.Bias!.Value[0] = output.Bias!.Value[0] = 0;
        return new() { { "hidden", hidden }, { "activation", new Sigmoid<double>() }, { "output", output } };
    }

    /// <summary>Eight points on y = x.</summary>
    public static Matrix<double> Points() => Matrix<double>.Build.Dense(8, 1, (i, _) => -1 + 2.0 / 7 * i);

    public static Explanation NotebookExplained() => Explanation.Of(Notebook(), new MSELoss<double>(), Points(), Points());

    public static Matrix<T> Normal<T>(int rows, int columns, int seed, double std = 1.5) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var matrix = Matrix<T>.Build.Dense(rows, columns);
        new Generator(seed).Normal(matrix, 0, std);
        return matrix;
    }

    public static Matrix<double> Normal(int rows, int columns, int seed) => Normal<double>(rows, columns, seed);

    /// <summary>Classes, as a column.</summary>
    public static Matrix<T> Classes<T>(int rows, int classes) where T : unmanaged, IFloatingPointIeee754<T> => Matrix<T>.Build.Dense(rows, 1, (i, _) => T.CreateChecked(i * 7 % classes));

    /// <summary>Gives all parameters values that differ from each other.</summary>
    public static Layer<T> Shaken<T>(Layer<T> layer, int seed = 5) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var generator = new Generator(seed);
        foreach (var parameter in layer.Parameters) generator.Normal(parameter.Values, 0.25, 0.75);
        return layer;
    }

    /// <summary>Every entry of every quantity.</summary>
    public static IEnumerable<Answer> Answers(Explanation explanation) =>
        from quantity in explanation.Quantities
        from i in Enumerable.Range(0, quantity.Rows)
        from j in Enumerable.Range(0, quantity.Columns)
        select explanation.Ask(quantity, i, j);
}

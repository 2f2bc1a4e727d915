using System.Globalization;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Playground;

/// <summary>A set of points that is known by its name.</summary>
/// <param name="Name">The name, as the address has it.</param>
/// <param name="Title">The name, as people read it.</param>
/// <param name="Inputs">How many features a point has.</param>
/// <param name="Network">A network that learns it.</param>
/// <param name="LearningRate">A learning rate for it.</param>
/// <param name="Make">Makes the points.</param>
internal sealed record DataSet(string Name, string Title, int Inputs, string Network, double LearningRate, Func<Points> Make)
{
    /// <summary>So many digits: enough to learn from, and few enough for every number to be drawn.</summary>
    private const int MostDigits = 200;

    private static Points? _digits;

    /// <summary>All of them, in the order of the page.</summary>
    public static readonly DataSet[] All =
    [
        new("line", "line, y = x", 1, "1-1-1 sigmoid mse", 0.1, () => Numbers(8, x => x)),
        new("sine", "sine", 1, "1-8-1 tanh mse", 0.2, () => Numbers(32, x => Math.Sin(Math.PI * x))),
        new("words", "five words", 1, "1 embedding(5, 2) linear(1) mse", 0.1, () => new(Matrix<double>.Build.Dense(5, 1, (i, _) => i), Matrix<double>.Build.DenseOfColumnArrays([0.5, -1, 1, 0, -0.5]), 0)),
        new("xor", "XOR", 2, "2-4-1 tanh bcewithlogits", 1, () => Quadrants(64)),
        new("circles", "circles", 2, "2-8-8-1 tanh bcewithlogits", 1, () => Circles(64)),
        new("spiral", "spiral", 2, "2-16-16-1 tanh bcewithlogits", 1, () => Spiral(96)),
        new("digits", "handwritten digits", 64, "64-16-10 relu crossentropy", 0.1, () => _digits ?? throw new PlaygroundException("The digits are not loaded.")),
    ];

    /// <summary>Whether the digits are there: they are loaded when somebody wants them.</summary>
    public static bool HasDigits => _digits is not null;

    public static DataSet? Find(string name) => Array.Find(All, data => data.Name == name);

    /// <summary>Takes the digits: 64 brightnesses from 0 to 16 and the digit in each line.</summary>
    /// <param name="csv">The file's text.</param>
    public static void LoadDigits(string csv)
    {
        var rows = csv.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Take(MostDigits).Select(line => line.Split(',')).ToArray();
        if (rows.Length == 0 || Array.Exists(rows, row => row.Length != 65)) throw new PlaygroundException("The file of digits should have 65 numbers in each line, but it has not.");
        double Number(int i, int j) => double.Parse(rows[i][j], CultureInfo.InvariantCulture);
        _digits = new(Matrix<double>.Build.Dense(rows.Length, 64, (i, j) => Number(i, j) / 16), Matrix<double>.Build.Dense(rows.Length, 1, (i, _) => Number(i, 64)), 10);
    }

    private static Points Numbers(int count, Func<double, double> f)
    {
        var x = Matrix<double>.Build.Dense(count, 1, (i, _) => -1 + 2.0 / (count - 1) * i);
        return new(x, x.Map(f), 0);
    }

    // The same points for every seed: the seed is the network's.
    private static Points Quadrants(int count)
    {
        var x = Matrix<double>.Build.Dense(count, 2);
        new Generator(1).Uniform(x, -1, 1);
        // None lies so near to an axis that nobody could say on which side.
        x.MapInplace(value => Math.Round(value + (value < 0 ? -0.08 : 0.08), 3));
        return new(x, Matrix<double>.Build.Dense(count, 1, (i, _) => x[i, 0] * x[i, 1] < 0 ? 1 : 0), 2);
    }

    private static Points Circles(int count)
    {
        var noise = Matrix<double>.Build.Dense(count, 1);
        new Generator(2).Uniform(noise, -0.08, 0.08);
        double Radius(int i) => (i % 2 == 0 ? 0.35 : 0.85) + noise[i, 0];
        return new(
            Matrix<double>.Build.Dense(count, 2, (i, j) => Math.Round(Radius(i) * (j == 0 ? Math.Cos(2.4 * i) : Math.Sin(2.4 * i)), 3)),
            Matrix<double>.Build.Dense(count, 1, (i, _) => i % 2 == 0 ? 1 : 0), 2);
    }

    private static Points Spiral(int count)
    {
        double Turn(int i) => 0.25 + 1.5 * (i / 2) / (count / 2 - 1.0);
        double Angle(int i) => Math.PI * (Turn(i) * 1.5 + i % 2);
        return new(
            Matrix<double>.Build.Dense(count, 2, (i, j) => Math.Round(0.55 * Turn(i) * (j == 0 ? Math.Cos(Angle(i)) : Math.Sin(Angle(i))), 3)),
            Matrix<double>.Build.Dense(count, 1, (i, _) => i % 2), 2);
    }
}

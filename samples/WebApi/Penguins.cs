using Backprop;
using MathNet.Numerics.LinearAlgebra;

namespace Samples.WebApi;

/// <summary>Which penguin it is, by bill length and depth and flipper length in mm, any of which may be missing, and its island: Biscoe, Dream or Torgersen.</summary>
internal static class Penguins
{
    internal const int Features = 4;

    private const double Gap = double.NaN;

    private static readonly double[][] Rows =
    [
        [39.1, 18.7, 181, 2], [39.5, Gap, 186, 2], [40.3, 18.0, 195, 1], [36.7, 19.3, Gap, 0], [38.9, 17.8, 181, 1], [41.1, 17.6, 182, 2],
        [46.5, 17.9, 192, 1], [50.0, 19.5, 196, 1], [51.3, Gap, 193, 1], [45.4, 18.7, 188, 1], [Gap, 19.8, 197, 1], [49.0, 19.6, 212, 1],
        [46.1, 13.2, 211, 0], [50.0, 16.3, Gap, 0], [48.7, 14.1, 210, 0], [47.6, 14.5, 215, 0], [46.5, 13.5, 210, 0], [Gap, 14.6, 218, 0],
    ];

    internal static Sequential<double> Network(Generator? generator = null) => new()
    {
        {
            "prepare", new Concat<double>
            {
                { "numbers", new Sequential<double> { new Columns<double>(0, 3), new Impute<double>(3, ImputeStrategy.Median, addIndicator: true), new Standardize<double>(6) } },
                { "island", new Sequential<double> { new Columns<double>(3, 1), new OneHot<double>([3], allowUnknown: true) } },
            }
        },
        { "hidden", new Linear<double>(9, 8, generator: generator) },
        { "bend", new Tanh<double>() },
        { "out", new Linear<double>(8, 3, generator: generator) },
    };

    internal static int Train(string path, int seed = 1)
    {
        var (x, generator) = (Matrix<double>.Build.DenseOfRowArrays(Rows), new Generator(seed));
        var y = Matrix<double>.Build.Dense(Rows.Length, 1, (i, _) => i / 6);
        var model = Network(generator);
        model.FitPreprocessing(x);
        new Trainer<double>(model, new CrossEntropyLoss<double>(), new Adam<double>(model.Parameters, learningRate: 0.05), new Batches<double>(x, y, 6, generator)).Fit(untilEpoch: 40);
        model.Save(path, classes: new(["Adelie", "Chinstrap", "Gentoo"]));
        Console.WriteLine($"{path}: accuracy {new Accuracy<double>().Of(model.Forward(x), y)}");
        return 0;
    }
}

#:project ../src/Backprop/Backprop.csproj
// k folds: how good is a network, and how sure is that? Each wine is predicted once, by a network that has not seen it.
using System.Globalization;
using Backprop;

var folder = (string)AppContext.GetData("EntryPointFileDirectoryPath")!;
var wines = File.ReadLines(Path.Combine(folder, "data", "wine.csv")).Skip(1).Select(line => line.Split(','));
var samples = Samples<double>.From(
    wines, wine => [.. wine.Skip(1).Select(number => double.Parse(number, CultureInfo.InvariantCulture))], wine => [int.Parse(wine[0]) - 1]);

foreach (var hidden in (int[])[1, 2, 16])
{
    var (mean, deviation) = CrossValidated(hidden);
    Console.WriteLine($"{hidden,2} hidden: accuracy {mean:F3}, give or take {deviation:F3}");
    if (hidden == 16 && mean < 0.96) return 1;
}

return 0;

(double Mean, double Deviation) CrossValidated(int hidden)
{
    var generator = new Generator(seed: 1);             // the same folds for each size
    var folds = samples.StratifiedKFold(folds: 5, generator).ToArray();
    var accuracies = new List<double>();
    foreach (var (training, heldBack) in folds)
    {
        var model = new Sequential<double>
        {
            new Standardize<double>(13),
            new Linear<double>(13, hidden, generator: generator),
            new Tanh<double>(),
            new Linear<double>(hidden, 3, generator: generator),
        };
        model.FitPreprocessing(training.X);             // in each fold anew: what is held back tells nothing, not even its mean
        var adam = new Adam<double>(model.Parameters, learningRate: 0.02);
        new Trainer<double>(model, new CrossEntropyLoss<double>(), adam, new Batches<double>(training, batchSize: 16, shuffle: generator)).Fit(untilEpoch: 25);
        accuracies.Add(new Accuracy<double>().Of(model.Forward(heldBack.X), heldBack.Y));
    }

    var mean = accuracies.Average();
    return (mean, Math.Sqrt(accuracies.Sum(accuracy => (accuracy - mean) * (accuracy - mean)) / (accuracies.Count - 1)));
}

#:project ../src/Backprop/Backprop.csproj
// A table with classes: who made this wine? 178 wines of three cultivators, 13 measurements each.
using System.Globalization;
using Backprop;

var folder = (string)AppContext.GetData("EntryPointFileDirectoryPath")!;
var wines = File.ReadLines(Path.Combine(folder, "data", "wine.csv")).Skip(1).Select(line => line.Split(',')).ToArray();
var cultivators = Classes.From(wines.Select(wine => wine[0]));
var samples = Samples<double>.From(wines, Measurements, wine => wine[0], cultivators);

var generator = new Generator(seed: 1);
var (rest, test) = samples.SplitStratified(heldBack: 0.25, generator);
var (training, validation) = rest.SplitStratified(heldBack: 0.2, generator);

var model = Network(generator);
model.FitPreprocessing(training.X);                     // means and deviations: of the training samples alone
var adam = new Adam<double>(model.Parameters, learningRate: 0.01);
var trainer = new Trainer<double>(model, new CrossEntropyLoss<double>(), adam, new Batches<double>(training, batchSize: 16, shuffle: generator))
{
    Validation = validation,
    EarlyStopping = new(Patience: 10),
};
var history = trainer.Fit(untilEpoch: 100);
Console.WriteLine($"{history.Epochs.Count} epochs, the best was {history.Best!.Epoch}");

var scores = model.Forward(test.X);
var accuracy = new Accuracy<double>().Of(scores, test.Y);
Console.WriteLine($"accuracy on {test.Count} wines that were held back: {accuracy:F3}");
Console.WriteLine(ConfusionMatrix.ToText(ConfusionMatrix.Of(scores, test.Y), [.. cultivators]));

// Kept, and loaded as a program that serves would: means, deviations and names are in the file.
var file = Path.Combine(Path.GetTempPath(), $"wine-{Environment.ProcessId}.safetensors");
model.Save(file, classes: cultivators);
var served = Network();
var names = served.Load(file).Classes!;
File.Delete(file);
var same = names.NamesOf(served.Forward(test.X)).SequenceEqual(cultivators.NamesOf(scores));
return accuracy >= 0.95 && same ? 0 : 1;

Sequential<double> Network(Generator? generator = null) => new()
{
    new Standardize<double>(13),
    new Linear<double>(13, 16, generator: generator),
    new ReLU<double>(),
    new Linear<double>(16, cultivators.Count, generator: generator),
};

static double[] Measurements(string[] wine) => [.. wine.Skip(1).Select(number => double.Parse(number, CultureInfo.InvariantCulture))];

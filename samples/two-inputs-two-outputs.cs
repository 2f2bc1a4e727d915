#:project ../src/Backprop/Backprop.csproj
// Two inputs, two outputs: a penguin's measurements and its species tell its sex, where that is known, and its weight.
using System.Globalization;
using Backprop;

const int unknown = -100;                               // the class that a loss of classes leaves out
var folder = (string)AppContext.GetData("EntryPointFileDirectoryPath")!;
string[] species = ["Adelie", "Chinstrap", "Gentoo"], sexes = ["female", "male"];
var penguins = File.ReadLines(Path.Combine(folder, "data", "penguins.csv")).Skip(1).Select(line => line.Split(',')).Where(fields => fields[5] != "NA");
var samples = Samples<double>.From(
    penguins,
    fields => [Number(fields[2]), Number(fields[3]), Number(fields[4]), Array.IndexOf(species, fields[0])],
    fields => [fields[6] == "NA" ? unknown : Array.IndexOf(sexes, fields[6]), Number(fields[5]) / 1000]);

var generator = new Generator(seed: 1);
var (training, test) = samples.Split(heldBack: 0.25, generator);

// Inputs stand side by side, and so do outputs: Columns takes some, Concat puts together what its branches give.
var model = new Sequential<double>
{
    {
        "in", new Concat<double>
        {
            { "numbers", new Sequential<double> { new Columns<double>(0, 3), new Standardize<double>(3), new Linear<double>(3, 12, generator: generator) } },
            { "species", new Sequential<double> { new Columns<double>(3, 1), new Embedding<double>(species.Length, 4, generator: generator) } },
        }
    },
    { "bend", new Tanh<double>() },
    { "hidden", new Linear<double>(16, 16, generator: generator) },
    { "bend2", new Tanh<double>() },
    { "out", new Concat<double> { { "sex", new Linear<double>(16, 2, generator: generator) }, { "weight", new Linear<double>(16, 1, generator: generator) } } },
};
model.FitPreprocessing(training.X);
var loss = new CombinedLoss<double>(
    new("sex", new CrossEntropyLoss<double>(ignoreIndex: unknown), prediction: 0..2, target: 0..1),
    new("weight", new MSELoss<double>(), prediction: 2..3, target: 1..2, weight: 2));
var trainer = new Trainer<double>(
    model, loss, new Adam<double>(model.Parameters, learningRate: 0.01), new Batches<double>(training, batchSize: 32, shuffle: generator))
{
    Validation = test,
    Metrics =
    [
        .. loss.PartMetrics,
        new ColumnsMetric<double>("accuracy", new Accuracy<double>(ignoreIndex: unknown), prediction: 0..2, target: 0..1),
        new ColumnsMetric<double>("error", new MeanAbsoluteError<double>(), prediction: 2..3, target: 1..2),
    ],
};
var metrics = trainer.Fit(untilEpoch: 60).Epochs[^1].Metrics;
foreach (var (name, value) in metrics) Console.WriteLine($"{name} {value:F3}");
return metrics["accuracy"] >= 0.85 && metrics["error"] < 0.28 ? 0 : 1;

static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

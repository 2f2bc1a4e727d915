#:project ../src/Backprop/Backprop.csproj
// Regression: how heavy is this penguin? Numbers with gaps and words come in, grams come out.
using System.Globalization;
using Backprop;

var folder = (string)AppContext.GetData("EntryPointFileDirectoryPath")!;
string[] species = ["Adelie", "Chinstrap", "Gentoo"], islands = ["Biscoe", "Dream", "Torgersen"], sexes = ["female", "male"];
var penguins = File.ReadLines(Path.Combine(folder, "data", "penguins.csv")).Skip(1).Select(line => line.Split(','))
    .Where(fields => fields[5] != "NA");                // nothing is to be learned of a weight that is not known
var samples = Samples<double>.From(penguins, Inputs, fields => [Number(fields[5])]);

var generator = new Generator(seed: 1);
var (training, test) = samples.Split(heldBack: 0.25, generator);

// Targets are learned in deviations from their mean; a loss in grams would be some 100,000 at first.
var grams = new Standardize<double>(1);
grams.Fit(training.Y);

var model = new Sequential<double>
{
    {
        "prepare", new Concat<double>
        {
            { "numbers", new Sequential<double> { new Columns<double>(0, 3), new Impute<double>(3), new Standardize<double>(3) } },
            { "words", new Sequential<double> { new Columns<double>(3, 3), new OneHot<double>([3, 3, 2], allowUnknown: true) } },
        }
    },
    { "hidden", new Linear<double>(3 + 8, 16, generator: generator) },
    { "bend", new Tanh<double>() },
    { "out", new Linear<double>(16, 1, generator: generator) },
};
model.FitPreprocessing(training.X);
var adam = new AdamW<double>(model.Parameters, learningRate: 0.01, weightDecay: 0.1);
var batches = new Batches<double>(new(training.X, grams.Forward(training.Y)), batchSize: 32, shuffle: generator);
var trainer = new Trainer<double>(model, new HuberLoss<double>(), adam, batches) { Scheduler = new CosineAnnealingLR(adam, tMax: 60) };
trainer.Fit(untilEpoch: 60);

var weights = grams.Invert(model.Forward(test.X));
var r2 = new R2<double>().Of(weights, test.Y);
Console.WriteLine($"{test.Count} penguins that were held back: off by {new MeanAbsoluteError<double>().Of(weights, test.Y):F0} g, R2 {r2:F3}");
for (var i = 0; i < 3; i++) Console.WriteLine($"{weights[i, 0]:F0} g, and is {test.Y[i, 0]} g");
return r2 > 0.8 ? 0 : 1;

// A gap becomes NaN, a word its place in a list, one that is in no list -1.
double[] Inputs(string[] fields) =>
[
    Number(fields[2]), Number(fields[3]), Number(fields[4]),
    Array.IndexOf(species, fields[0]), Array.IndexOf(islands, fields[1]), Array.IndexOf(sexes, fields[6]),
];

static double Number(string text) => text == "NA" ? double.NaN : double.Parse(text, CultureInfo.InvariantCulture);

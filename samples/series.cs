#:project ../src/Backprop/Backprop.csproj
// A series: the sunspots of twelve years come in, those of the next come out. Learned until 1937, checked from 1950 on.
using System.Globalization;
using Backprop;
using MathNet.Numerics.LinearAlgebra;

const int window = 12;
var folder = (string)AppContext.GetData("EntryPointFileDirectoryPath")!;
var spots = File.ReadLines(Path.Combine(folder, "data", "sunspots.csv")).Skip(1)
    .Select(line => double.Parse(line.Split(',')[1], CultureInfo.InvariantCulture)).ToArray();

// A row for each year from 1712 on: the twelve years before it, and the year itself.
var years = spots.Length - window;
var samples = new Samples<double>(
    Matrix<double>.Build.Dense(years, window, (i, j) => spots[i + j]), Matrix<double>.Build.Dense(years, 1, (i, _) => spots[i + window]));

// In order, never at random: a year may not be learned from those after it. The gap keeps any year from standing on both sides.
var (training, test) = samples.SplitInOrder(heldBack: 0.2, gap: window);

var scale = new Standardize<double>(1);
scale.Fit(training.Y);
double Scaled(double value) => (value - scale.Mean.Value[0]) / scale.Std.Value[0];

var generator = new Generator(seed: 1);
var model = new Sequential<double>
{
    new Linear<double>(window, 16, generator: generator),
    new Tanh<double>(),
    new Linear<double>(16, 1, generator: generator),
};
var adam = new AdamW<double>(model.Parameters, learningRate: 0.005, weightDecay: 0.5);
var batches = new Batches<double>(new(training.X.Map(Scaled), training.Y.Map(Scaled)), batchSize: 20, shuffle: generator);
new Trainer<double>(model, new MSELoss<double>(), adam, batches) { Scheduler = new CosineAnnealingLR(adam, tMax: 100) }.Fit(untilEpoch: 100);

var metric = new RootMeanSquaredError<double>();
var error = metric.Of(scale.Invert(model.Forward(test.X.Map(Scaled))), test.Y);
var same = metric.Of(test.X.SubMatrix(0, test.Count, window - 1, 1), test.Y);       // next year will be as this one
var first = 1700 + spots.Length - test.Count;
Console.WriteLine($"{first} to 2008: off by {error:F1} sunspots; by {same:F1}, if the next year is taken to be as the last");

// And on from the end: each forecast is an input of the next.
var row = spots[^window..];
for (var year = 2009; year < 2014; year++)
{
    var next = scale.Invert(model.Forward(Matrix<double>.Build.Dense(1, window, (_, j) => Scaled(row[j]))))[0, 0];
    Console.WriteLine($"{year}: {next:F0}");
    row = [.. row[1..], next];
}

return error < 0.75 * same ? 0 : 1;

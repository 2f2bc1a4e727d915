#:project ../src/Backprop/Backprop.csproj
// Freezing: a network that tells digits serves to tell, from few examples, which of them enclose a hole. First a new head alone, then all of it, gently.
using System.IO.Compression;
using Backprop;

var folder = (string)AppContext.GetData("EntryPointFileDirectoryPath")!;
using var file = new StreamReader(new GZipStream(File.OpenRead(Path.Combine(folder, "data", "digits.csv.gz")), CompressionMode.Decompress));
var rows = file.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(',').Select(int.Parse).ToArray()).ToArray();

Samples<double> Digits(IEnumerable<int[]> some, Func<int, int> target) => Samples<double>.From(
    some, row => [.. row[..64].Select(pixel => pixel / 16.0)], row => [target(row[64])]);

var generator = new Generator(seed: 1);
var (few, test) = Digits(rows.Skip(900), digit => digit is 0 or 6 or 8 or 9 ? 1 : 0).SplitStratified(heldBack: 0.95, generator);

// The body learns from many digits and their names.
var body = Body();
Fit(new() { { "body", body }, { "head", Head(10) } }, Digits(rows.Take(900), digit => digit), rate: 0.01, epochs: 30);

// A new head on the frozen body. The optimizer has all parameters, and passes over those that are frozen.
var model = new Sequential<double> { { "body", body }, { "head", Head(2) } };
model["body"].Freeze();
var before = body.Parameters.SelectMany(parameter => parameter.Values.ToArray()).ToArray();
Fit(model, few, rate: 0.01, epochs: 60);
var untouched = before.SequenceEqual(body.Parameters.SelectMany(parameter => parameter.Values.ToArray()));
var frozen = Accuracy(model);

// And now all of it, in small steps.
model.Unfreeze();
Fit(model, few, rate: 0.001, epochs: 60);
var tuned = Accuracy(model);

var fresh = new Sequential<double> { { "body", Body() }, { "head", Head(2) } };
Fit(fresh, few, rate: 0.01, epochs: 60);
var alone = Accuracy(fresh);

Console.WriteLine($"{few.Count} examples to learn from, {test.Count} to check with; the frozen body {(untouched ? "is" : "is not")} as it was");
Console.WriteLine($"accuracy {frozen:F3} with a new head, {tuned:F3} when all had learned on, {alone:F3} without what came before");
return untouched && frozen > alone + 0.02 && tuned > alone + 0.02 ? 0 : 1;

Sequential<double> Body() => new() { new Linear<double>(64, 64, generator: generator), new Tanh<double>() };

Linear<double> Head(int classes) => new(64, classes, generator: generator);

double Accuracy(Layer<double> network) => new Accuracy<double>().Of(network.Forward(test.X), test.Y);

void Fit(Sequential<double> network, Samples<double> samples, double rate, int epochs)
{
    var batches = new Batches<double>(samples, batchSize: 16, shuffle: generator);
    new Trainer<double>(network, new CrossEntropyLoss<double>(), new Adam<double>(network.Parameters, rate), batches).Fit(epochs);
}

#:project ../src/Backprop/Backprop.csproj
// Eight trainings at once: which size and learning rate suit the digits? Each has its own network and generator; the samples are shared.
using System.Diagnostics;
using System.IO.Compression;
using Backprop;

var folder = (string)AppContext.GetData("EntryPointFileDirectoryPath")!;
using var file = new StreamReader(new GZipStream(File.OpenRead(Path.Combine(folder, "data", "digits.csv.gz")), CompressionMode.Decompress));
var lines = file.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(','));
var digits = Samples<float>.From(lines, line => [.. line[..64].Select(pixel => int.Parse(pixel) / 16f)], line => [int.Parse(line[64])]);
var (training, validation) = digits.Split(heldBack: 0.25, new Generator(seed: 1));

(int Hidden, double Rate)[] settings = [(16, 0.001), (16, 0.01), (64, 0.001), (64, 0.01), (128, 0.001), (128, 0.01), (256, 0.001), (256, 0.01)];
var (atOnce, inTurn) = (new Outcome[settings.Length], new Outcome[settings.Length]);

Train(16, 0.01);                                        // so that neither is charged with compiling
var watch = Stopwatch.StartNew();
Parallel.For(0, settings.Length, i => atOnce[i] = Train(settings[i].Hidden, settings[i].Rate));
Console.WriteLine($"at once {watch.Elapsed.TotalSeconds:F1} s");

watch.Restart();
for (var i = 0; i < settings.Length; i++) inTurn[i] = Train(settings[i].Hidden, settings[i].Rate);
Console.WriteLine($"one after the other {watch.Elapsed.TotalSeconds:F1} s");

foreach (var ((hidden, rate), outcome) in settings.Zip(atOnce)) Console.WriteLine($"{hidden,3} hidden, learning rate {rate}: accuracy {outcome.Accuracy:F3}");
var same = atOnce.Zip(inTurn).All(pair => pair.First.Weights.AsSpan().SequenceEqual(pair.Second.Weights));
Console.WriteLine($"the same bits either way: {same}");
return same && atOnce.Max(outcome => outcome.Accuracy) > 0.95 ? 0 : 1;

Outcome Train(int hidden, double rate)
{
    var generator = new Generator(seed: 2);
    var model = new Sequential<float>
    {
        new Linear<float>(64, hidden, generator: generator),
        new ReLU<float>(),
        new Linear<float>(hidden, 10, generator: generator),
    };
    var batches = new Batches<float>(training, batchSize: 32, shuffle: generator);
    new Trainer<float>(model, new CrossEntropyLoss<float>(), new Adam<float>(model.Parameters, rate), batches).Fit(untilEpoch: 20);
    using var weights = new MemoryStream();
    model.Save(weights);
    return new(new Accuracy<float>().Of(model.Forward(validation.X), validation.Y), weights.ToArray());
}

internal readonly record struct Outcome(double Accuracy, byte[] Weights);

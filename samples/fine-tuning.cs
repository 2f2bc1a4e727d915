#:project ../src/Backprop/Backprop.csproj
// Fine-tuning: the body of a network that PyTorch trained to tell digits learns, with a new head and few examples, which of them enclose a hole.
using System.IO.Compression;
using Backprop;

var folder = Path.Combine((string)AppContext.GetData("EntryPointFileDirectoryPath")!, "data");
using var file = new StreamReader(new GZipStream(File.OpenRead(Path.Combine(folder, "digits.csv.gz")), CompressionMode.Decompress));
var rows = file.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(',').Select(int.Parse).ToArray());
var classes = new Classes("open", "with a hole");
var digits = Samples<float>.From(rows, row => [.. row[..64].Select(pixel => pixel / 16f)], row => [row[64] is 0 or 6 or 8 or 9 ? 1 : 0]);
var generator = new Generator(seed: 1);
var (few, test) = digits.SplitStratified(heldBack: 0.97, generator);

// Of the file only what begins with "body.": the module that is called so there.
Sequential<float> NewBody() => new() { new Linear<float>(64, 32, generator: generator), new BatchNorm1d<float>(32), new ReLU<float>() };
var body = NewBody();
Console.WriteLine(body.Load(Path.Combine(folder, "digits-pytorch.safetensors"), prefix: "body."));
var model = new Sequential<float> { { "body", body }, { "head", new Linear<float>(32, classes.Count, generator: generator) } };

// First the head alone. The frozen body gets no gradient, and its BatchNorm1d computes by the statistics that it was trained with.
model["body"].Freeze();
Fit(model, new Adam<float>(model.Parameters, learningRate: 0.01), epochs: 60);
var headAlone = Accuracy(model);

// Then all of it, the body more gently than the head.
model.Unfreeze();
var gently = new Optimizer<float>(
    new AdamGroup<float>(body.Parameters) { LearningRate = 1e-4 },
    new AdamGroup<float>(model["head"].Parameters) { LearningRate = 1e-3 });
Fit(model, gently, epochs: 60);
var tuned = Accuracy(model);

// What it is worth: the same network, from nothing.
var fresh = new Sequential<float> { { "body", NewBody() }, { "head", new Linear<float>(32, classes.Count, generator: generator) } };
Fit(fresh, new Adam<float>(fresh.Parameters, learningRate: 0.01), epochs: 60);
var alone = Accuracy(fresh);

Console.WriteLine($"{few.Count} examples; accuracy {headAlone:F3} with a new head, {tuned:F3} when all had learned on, {alone:F3} from nothing");
Console.WriteLine(string.Join(", ", classes.Top(model.Forward(test.X.Row(0)))));
return headAlone > alone && tuned > alone + 0.02 ? 0 : 1;

double Accuracy(Layer<float> network) => new Accuracy<float>().Of(network.Forward(test.X), test.Y);

void Fit(Layer<float> network, Optimizer<float> optimizer, int epochs) =>
    new Trainer<float>(network, new CrossEntropyLoss<float>(), optimizer, new Batches<float>(few, batchSize: 13, shuffle: generator)).Fit(epochs);

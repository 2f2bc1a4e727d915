#:project ../src/Backprop/Backprop.csproj
// Characters: eight of a novel come in, the next comes out, and then the network writes on by itself.
using Backprop;
using MathNet.Numerics.LinearAlgebra;

const int context = 8;
var folder = (string)AppContext.GetData("EntryPointFileDirectoryPath")!;
var text = File.ReadAllText(Path.Combine(folder, "data", "pride.txt")).ToLowerInvariant().Replace('\n', ' ');
var alphabet = text.Distinct().Order().ToArray();
var indices = text.Select(c => Array.IndexOf(alphabet, c)).ToArray();

// A row for each place in the text: the eight characters before it, and the one that stands there. The end is held back.
var count = text.Length - context;
var windows = new Samples<float>(
    Matrix<float>.Build.Dense(count, context, (i, j) => indices[i + j]), Matrix<float>.Build.Dense(count, 1, (i, _) => indices[i + context]));
var (training, test) = windows.SplitInOrder(heldBack: 0.1, gap: context);

var generator = new Generator(seed: 1);
var model = new Sequential<float>
{
    new Embedding<float>(alphabet.Length, 16, generator: generator),        // 8 indices become 8 x 16 numbers, side by side
    new Linear<float>(context * 16, 128, generator: generator),
    new Tanh<float>(),
    new Linear<float>(128, alphabet.Length, generator: generator),
};
var adam = new AdamW<float>(model.Parameters, learningRate: 0.003);
var trainer = new Trainer<float>(model, new CrossEntropyLoss<float>(), adam, new Batches<float>(training, batchSize: 128, shuffle: generator))
{
    Validation = test,
    Metrics = [new Perplexity<float>()],
    Scheduler = new CosineAnnealingLR(adam, tMax: 8),
};
var history = trainer.Fit(untilEpoch: 8);
var perplexity = history.Epochs[^1].Metrics["perplexity"];
Console.WriteLine($"perplexity {perplexity:F2} on {test.Count} characters that were held back; {Frequencies():F2} by how often each comes");

// Writes on: each next character is drawn by its probability.
var random = new Random(1);
var written = "mr. darcy ";
for (var i = 0; i < 120; i++)
{
    var x = Vector<float>.Build.Dense(context, j => Array.IndexOf(alphabet, written[^(context - j)]));
    var scores = model.Forward(x);
    var weights = scores.Select(score => Math.Exp(2 * (score - scores.Maximum()))).ToArray();     // 2: rather the likely ones
    var (drawn, next) = (random.NextDouble() * weights.Sum(), 0);
    while (next < weights.Length - 1 && (drawn -= weights[next]) > 0) next++;
    written += alphabet[next];
}

Console.WriteLine(written);
return perplexity < 8 ? 0 : 1;

double Frequencies() => Math.Exp(indices[^test.Count..].Average(next => -Math.Log(indices.Count(index => index == next) / (double)indices.Length)));

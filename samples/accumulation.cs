#:project ../src/Backprop/Backprop.csproj
// Accumulation with a warm-up: four batches of 16 make a step as one of 64 would, at a rate that rises first and then falls.
using System.IO.Compression;
using Backprop;

var folder = (string)AppContext.GetData("EntryPointFileDirectoryPath")!;
using var file = new StreamReader(new GZipStream(File.OpenRead(Path.Combine(folder, "data", "digits.csv.gz")), CompressionMode.Decompress));
var lines = file.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(','));
var digits = Samples<double>.From(lines, line => [.. line[..64].Select(pixel => int.Parse(pixel) / 16.0)], line => [int.Parse(line[64])]);
var (training, test) = digits.Split(heldBack: 0.25, new Generator(seed: 1));

const int epochs = 20, warmUp = 30;
var rates = new List<double>();
var accumulated = Train(batchSize: 16, steps: 4, rates);
var whole = Train(batchSize: 64, steps: 1, []);

for (var step = 0; step < rates.Count; step += 60) Console.WriteLine($"step {step,3}   learning rate {rates[step]:F5}");
var difference = accumulated.Parameters.Zip(whole.Parameters)
    .Max(pair => pair.First.Values.ToArray().Zip(pair.Second.Values.ToArray()).Max(values => Math.Abs(values.First - values.Second)));
var accuracy = new Accuracy<double>().Of(accumulated.Forward(test.X), test.Y);
Console.WriteLine($"accuracy {accuracy:F3}; after {rates.Count} steps no weight is further than {difference:E0} from where batches of 64 brought it");
var rises = rates[0] < rates[warmUp / 2] && rates[warmUp / 2] < rates[warmUp];
var falls = rates[warmUp] > rates[^1];
return difference < 1e-9 && accuracy > 0.93 && rises && falls ? 0 : 1;

Sequential<double> Train(int batchSize, int steps, List<double> rates)
{
    var generator = new Generator(seed: 2);
    var model = new Sequential<double>
    {
        new Linear<double>(64, 128, generator: generator),
        new ReLU<double>(),
        new Linear<double>(128, 10, generator: generator),
    };
    var adam = new AdamW<double>(model.Parameters, learningRate: 0.01);
    var perEpoch = (training.Count + 63) / 64;
    var trainer = new Trainer<double>(model, new CrossEntropyLoss<double>(), adam, new Batches<double>(training, batchSize, shuffle: generator))
    {
        GradientAccumulationSteps = steps,
        BatchScheduler = new SequentialLR(                  // once for each step of the optimizer
            adam,
            [
                new LinearLR(adam, startFactor: 0.01, totalIters: warmUp),
                new LambdaLR(adam, step => 0.5 + 0.5 * Math.Cos(Math.PI * step / (epochs * perEpoch - warmUp))),
            ],
            milestones: [warmUp]),
    };
    var rate = adam.LearningRate;                           // that of the coming step
    trainer.Fit(epochs, progress =>
    {
        if (adam.LearningRate == rate) return;              // within a step
        rates.Add(rate);
        rate = adam.LearningRate;
    });
    return model;
}

#:project ../src/Backprop/Backprop.csproj
// Streaming: a file that need not fit into memory is read as it is learned from, line by line, shuffled, a few batches ahead.
using System.Globalization;
using Backprop;

const int lines = 200_000;
var path = Path.Combine(Path.GetTempPath(), $"points-{Environment.ProcessId}.csv");
File.WriteAllLines(path, Points(new Random(1), lines).Select(point => FormattableString.Invariant($"{point.X[0]},{point.X[1]},{point.X[2]},{point.Y[0]}")));
try
{
    var generator = new Generator(seed: 1);
    var model = new Sequential<float>
    {
        new Linear<float>(3, 32, generator: generator),
        new ReLU<float>(),
        new Linear<float>(32, 1, generator: generator),
    };
    var read = 0;
    var source = new StreamedBatches<float>(Rows, inputs: 3, targets: 1, batchSize: 64, shuffle: generator, sampleCount: lines) { ShuffleBuffer = 2000 };
    var trainer = new Trainer<float>(model, new BCEWithLogitsLoss<float>(), new Adam<float>(model.Parameters, learningRate: 0.002), source);
    var most = 0L;
    trainer.Fit(untilEpoch: 2, progress =>
    {
        if (progress.Batch % 1000 == 0) most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true));
    });

    var test = Samples<float>.From(Points(new Random(2), 5000), row => row.X, row => row.Y);
    var accuracy = new BinaryAccuracy<float>(threshold: 0).Of(model.Forward(test.X), test.Y);
    Console.WriteLine($"{read} lines read of a file of {new FileInfo(path).Length / 1e6:F1} MB, {most / 1e6:F1} MB in use at most; accuracy {accuracy:F3}");
    return read == 2 * lines && most < new FileInfo(path).Length && accuracy > 0.95 ? 0 : 1;

    IEnumerable<(float[] X, float[] Y)> Rows()             // opened anew in each epoch
    {
        foreach (var line in File.ReadLines(path))
        {
            var fields = line.Split(',');
            read++;
            yield return ([Number(fields[0]), Number(fields[1]), Number(fields[2])], [Number(fields[3])]);
        }
    }
}
finally
{
    File.Delete(path);
}


// Whether a point of a cube is within a ball.
static IEnumerable<(float[] X, float[] Y)> Points(Random random, int count)
{
    for (var i = 0; i < count; i++)
    {
        float[] x = [2 * random.NextSingle() - 1, 2 * random.NextSingle() - 1, 2 * random.NextSingle() - 1];
        yield return (x, [x.Sum(value => value * value) < 0.7 ? 1 : 0]);
    }
}

static float Number(string text) => float.Parse(text, CultureInfo.InvariantCulture);

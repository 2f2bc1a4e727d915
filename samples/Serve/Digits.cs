using System.Globalization;
using System.IO.Compression;
using Backprop;

namespace Samples.Serve;

/// <summary>A network that has learned handwritten digits for a moment, and some digits to ask it about.</summary>
internal static class Digits
{
    internal static (Layer<float> Model, IEnumerable<float[]> Pixels) Train()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "digits.csv.gz");
        using var file = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        var lines = file.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => Array.ConvertAll(line.Split(','), number => float.Parse(number, CultureInfo.InvariantCulture))).ToArray();
        var digits = Samples<float>.From(lines, line => line[..64], line => [line[64]]);

        var generator = new Generator(seed: 1);
        var model = new Sequential<float>
        {
            new MinMaxScale<float>(64, allowConstant: true),
            new Linear<float>(64, 32, generator: generator),
            new ReLU<float>(),
            new Linear<float>(32, 10, generator: generator),
        };
        model.FitPreprocessing(digits.X);
        var batches = new Batches<float>(digits, batchSize: 32, shuffle: generator);
        new Trainer<float>(model, new CrossEntropyLoss<float>(), new Adam<float>(model.Parameters, 0.01), batches).Fit(untilEpoch: 10);
        return (new Sequential<float> { model, new Softmax<float>() }, lines.Select(line => line[..64]));
    }
}

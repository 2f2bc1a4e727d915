#:project ../src/Backprop/Backprop.csproj
// float or double? The same network and the same batches in both: how far apart are outputs, gradients and what is learned, and what does each cost?
using System.Diagnostics;
using System.IO.Compression;
using System.Numerics;
using Backprop;
using MathNet.Numerics.LinearAlgebra;

var folder = (string)AppContext.GetData("EntryPointFileDirectoryPath")!;
using var file = new StreamReader(new GZipStream(File.OpenRead(Path.Combine(folder, "data", "digits.csv.gz")), CompressionMode.Decompress));
var rows = file.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(',').Select(int.Parse).ToArray()).ToArray();

// The weights are drawn once, in double, and rounded for float.
using var weights = new MemoryStream();
Network<double>(new Generator(seed: 1)).Save(weights);
var (inFloat, inDouble) = (Run<float>(), Run<double>());
var (outputs, gradients) = (Difference(inFloat.Output, inDouble.Output), Difference(inFloat.Gradient, inDouble.Gradient));
Console.WriteLine($"first pass: outputs differ by {outputs:E1} of the largest, gradients by {gradients:E1}");
Console.WriteLine($"float  accuracy {inFloat.Accuracy:F3} in {inFloat.Seconds:F2} s");
Console.WriteLine($"double accuracy {inDouble.Accuracy:F3} in {inDouble.Seconds:F2} s");
var close = outputs is > 0 and < 1e-5 && gradients is > 0 and < 1e-5 && Math.Abs(inFloat.Accuracy - inDouble.Accuracy) < 0.01;
return close && inDouble.Accuracy > 0.95 ? 0 : 1;

static Sequential<T> Network<T>(Generator? generator = null) where T : unmanaged, IFloatingPointIeee754<T> => new()
{
    { "hidden", new Linear<T>(64, 256, generator: generator) }, { "bend", new GELU<T>() }, { "out", new Linear<T>(256, 10, generator: generator) },
};

Outcome Run<T>() where T : unmanaged, IFloatingPointIeee754<T>
{
    var digits = Samples<T>.From(rows, row => [.. row[..64].Select(pixel => T.CreateChecked(pixel / 16.0))], row => [T.CreateChecked(row[64])]);
    var generator = new Generator(seed: 2);             // draws the same order for both
    var (training, test) = digits.Split(heldBack: 0.25, generator);
    var model = Network<T>();
    weights.Position = 0;
    model.Load(weights, convert: true);

    var (loss, pass) = (new CrossEntropyLoss<T>(), model.NewPass());
    var output = model.Forward(training.X, pass);
    model.Backward(pass, loss.Backward(output, training.Y));
    var gradient = model.Get<Linear<T>>("hidden").Weight.Gradient;
    var (outputs, gradients) = (Doubles(output), Doubles(gradient));

    var watch = Stopwatch.StartNew();
    var adam = new Adam<T>(model.Parameters, learningRate: 0.005);
    new Trainer<T>(model, loss, adam, new Batches<T>(training, batchSize: 64, shuffle: generator)).Fit(untilEpoch: 30);
    return new(outputs, gradients, new Accuracy<T>().Of(model.Forward(test.X), test.Y), watch.Elapsed.TotalSeconds);

    static Matrix<double> Doubles(Matrix<T> x) => x.Map(double.CreateChecked);
}

static double Difference(Matrix<double> a, Matrix<double> b) => (a - b).Enumerate().Max(Math.Abs) / b.Enumerate().Max(Math.Abs);

internal sealed record Outcome(Matrix<double> Output, Matrix<double> Gradient, double Accuracy, double Seconds);

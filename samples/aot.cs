#:project ../src/Backprop/Backprop.csproj
// Native AOT: learned with `dotnet run samples/aot.cs`, then published, `dotnet publish samples/aot.cs -o out`, and served by out/aot, which needs no .NET.
using System.Diagnostics;
using System.Globalization;
using Backprop;

var file = Path.Combine(Path.GetTempPath(), "backprop-sample-wine.safetensors");
var native = AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") is null;    // there is nothing left to load
return native ? Serve() : Learn();

int Learn()
{
    var folder = (string)AppContext.GetData("EntryPointFileDirectoryPath")!;
    var wines = File.ReadLines(Path.Combine(folder, "data", "wine.csv")).Skip(1).Select(line => line.Split(',')).ToArray();
    var cultivators = Classes.From(wines.Select(wine => wine[0]));
    var generator = new Generator(seed: 1);
    var (training, test) = Samples<float>.From(wines, wine => Numbers(wine[1..]), wine => wine[0], cultivators).SplitStratified(heldBack: 0.25, generator);

    var model = Network(generator);
    model.FitPreprocessing(training.X);
    var batches = new Batches<float>(training, batchSize: 16, shuffle: generator);
    new Trainer<float>(model, new CrossEntropyLoss<float>(), new Adam<float>(model.Parameters, learningRate: 0.01), batches).Fit(untilEpoch: 20);
    model.Save(file, classes: cultivators);
    var accuracy = new Accuracy<float>().Of(model.Forward(test.X), test.Y);
    Console.WriteLine($"learned: accuracy {accuracy:F3} on {test.Count} wines that were held back. Now publish it, and run out/aot.");
    return accuracy > 0.95 ? 0 : 1;
}

// `out/aot 13.2,1.78,...` tells whose wine it is; without an argument, that of one of each cultivator.
int Serve()
{
    var model = Network();
    var cultivators = model.Load(file).Classes!;
    var probabilities = new Sequential<float> { model, new Softmax<float>() };
    (string Wine, string? Expected)[] asked = args.Length > 0 ? [(args[0], null)] :
    [
        ("14.23,1.71,2.43,15.6,127,2.8,3.06,0.28,2.29,5.64,1.04,3.92,1065", "1"),
        ("12.37,0.94,1.36,10.6,88,1.98,0.57,0.28,0.42,1.95,1.05,1.82,520", "2"),
        ("14.13,4.1,2.74,24.5,96,2.05,0.76,0.56,1.35,9.2,0.61,1.6,560", "3"),
    ];
    var (right, result) = (true, new float[cultivators.Count]);
    foreach (var (wine, expected) in asked)
    {
        probabilities.Predict(Numbers(wine.Split(',')), result);
        var name = cultivators[Array.IndexOf(result, result.Max())];
        Console.WriteLine($"cultivator {name}, with probability {result.Max():F3}");
        right &= expected is null || expected == name;
    }

    Console.WriteLine($"{(DateTime.Now - Process.GetCurrentProcess().StartTime).TotalMilliseconds:F0} ms from the program's start");
    return right ? 0 : 1;
}

static Sequential<float> Network(Generator? generator = null) => new()
{
    new Standardize<float>(13), new Linear<float>(13, 16, generator: generator), new ReLU<float>(), new Linear<float>(16, 3, generator: generator),
};

static float[] Numbers(string[] fields) => [.. fields.Select(field => float.Parse(field, CultureInfo.InvariantCulture))];

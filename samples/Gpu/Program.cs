// Trained by TorchSharp, on a GPU where there is one, and served here: a network goes there as a module and comes home with what it learned.
using System.IO.Compression;
using Backprop;
using Backprop.Torch;
using TorchSharp;

try
{
    TorchNative.EnsureLoadable();
}
catch (DllNotFoundException exception)
{
    Console.WriteLine($"TorchSharp has no engine here: {exception.Message}");
    return 0;
}

using var file = new StreamReader(new GZipStream(File.OpenRead(Path.Combine(AppContext.BaseDirectory, "digits.csv.gz")), CompressionMode.Decompress));
var lines = file.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(','));
var digits = Samples<float>.From(lines, line => [.. line[..64].Select(pixel => int.Parse(pixel) / 16f)], line => [int.Parse(line[64])]);
var generator = new Generator(seed: 1);
var (training, test) = digits.Split(heldBack: 0.25, generator);

var model = new Sequential<float>
{
    { "conv", new Conv2d<float>(new(1, 8, 8), 16, 3, padding: 1, generator: generator) }, { "norm", new BatchNorm2d<float>(new(16, 8, 8)) },
    { "relu", new ReLU<float>() }, { "pool", new MaxPool2d<float>(new(16, 8, 8), 2) }, { "drop", new Dropout<float>(0.2, generator) },
    { "out", new Linear<float>(256, 10, generator: generator) },
};

// There: a module with the same names and values, and an optimizer of PyTorch's.
var device = torch.cuda.is_available() ? torch.CUDA : torch.CPU;
torch.random.manual_seed(1);
using var module = model.ToTorch(device);
using var adam = torch.optim.Adam(module.parameters(), lr: 0.003);
using (var samples = training.X.ToTensor().to(device))
using (var classes = training.Y.ToTensor().to(device).to(torch.int64).squeeze(1))
{
    for (var epoch = 1; epoch <= 12; epoch++)
    {
        using var scope = torch.NewDisposeScope();
        foreach (var batch in torch.randperm(training.Count, device: device).split(64))
        {
            adam.zero_grad();
            torch.nn.functional.cross_entropy(module.call(samples[batch]), classes[batch]).backward();
            adam.step();
        }
    }
}

// Home: the weights and the running statistics.
model.CopyFrom(module);
var accuracy = new Accuracy<float>().Of(model.Forward(test.X), test.Y);
Console.WriteLine($"{model}: trained on {device}, accuracy {accuracy:F3} on {test.Count} digits that were held back");

module.eval();
using var there = module.call(test.X.ToTensor().to(device)).cpu().detach();
var apart = (model.Forward(test.X) - there.ToMatrix<float>()).Enumerate().Max(MathF.Abs);
return accuracy > 0.95 && apart < 1e-4 ? 0 : 1;

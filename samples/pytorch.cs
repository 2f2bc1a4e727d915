#:project ../src/Backprop/Backprop.csproj
// PyTorch and back: a network that PyTorch trained computes here what it did there, learns on, and goes back under PyTorch's names.
using System.Globalization;
using System.IO.Compression;
using Backprop;

var folder = Path.Combine((string)AppContext.GetData("EntryPointFileDirectoryPath")!, "data");
using var pixels = new StreamReader(new GZipStream(File.OpenRead(Path.Combine(folder, "digits.csv.gz")), CompressionMode.Decompress));
var lines = pixels.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(','));
var digits = Samples<float>.From(lines, line => [.. line[..64].Select(pixel => int.Parse(pixel) / 16f)], line => [int.Parse(line[64])]);
var (training, test) = digits.SplitInOrder(397 / 1797.0);

// There: self.body = nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU()); self.head = nn.Linear(32, 10). Here, names of its own.
var (hidden, norm, head) = (new Linear<float>(64, 32), new BatchNorm1d<float>(32), new Linear<float>(32, 10));
var model = new Sequential<float> { { "hidden", hidden }, { "norm", norm }, { "bend", new ReLU<float>() }, { "out", head } };
var original = Path.Combine(folder, "digits-pytorch.safetensors");
model.Load(original, rename: name => name.Replace("body.0.", "hidden.").Replace("body.1.", "norm.").Replace("head.", "out."));

// What PyTorch made of the test digits stands in the file, as text.
using var file = SafeTensorsReader.Open(original);
var (loss, accuracy) = (new CrossEntropyLoss<float>(), new Accuracy<float>());
var yHat = model.Forward(test.X);
var (here, there) = (loss.Forward(yHat, test.Y), double.Parse(file.Metadata["loss"], CultureInfo.InvariantCulture));
var (right, theirs) = (accuracy.Of(yHat, test.Y) * test.Count, int.Parse(file.Metadata["right"]));
Console.WriteLine($"of {test.Count} digits {right} are right, and {theirs} in PyTorch; loss {here:F6}, and {there:F6} in PyTorch");

// Back: the same layers, in containers that have PyTorch's names. torch.nn.Module.load_state_dict takes what safetensors.torch.load_file reads of it.
var module = new Sequential<float> { { "body", new Sequential<float> { hidden, norm, new ReLU<float>() } }, { "head", head } };
var path = Path.Combine(Path.GetTempPath(), $"digits-{Environment.ProcessId}.safetensors");
module.Save(path);
var same = Tensors(path).SequenceEqual(Tensors(original));
Console.WriteLine($"saved again: {(same ? "the same names, shapes and bits" : "something is different")}");
File.Delete(path);

var adam = new Adam<float>(model.Parameters, learningRate: 0.001);
var trainer = new Trainer<float>(model, loss, adam, new Batches<float>(training, batchSize: 50, shuffle: new Generator(seed: 1)));
trainer.Fit(untilEpoch: 5);
var after = loss.Forward(model.Forward(training.X), training.Y);
Console.WriteLine($"learned on for five epochs: the loss of what it learns from is {after:F4}");
return Math.Abs(here - there) < 1e-5 && Math.Abs(right - theirs) < 0.5 && same && after < 0.02 ? 0 : 1;

static List<string> Tensors(string path)
{
    using var file = SafeTensorsReader.Open(path);
    var found = new List<string>();
    foreach (var entry in file.Entries.OrderBy(entry => entry.Name, StringComparer.Ordinal))
    {
        var isFloat = entry.Type == SafeTensorsType.F32;
        var (floats, counts) = (new float[isFloat ? entry.Count : 0], new long[isFloat ? 0 : entry.Count]);
        if (isFloat) file.Read(entry.Name, floats);
        else file.Read(entry.Name, counts);
        var bits = floats.Select(BitConverter.SingleToInt32Bits).Select(value => (long)value).Concat(counts);
        found.Add($"{entry.Name} {entry.Type} {string.Join(' ', entry.Shape)}: {string.Join(' ', bits)}");
    }

    return found;
}

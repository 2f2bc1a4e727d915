#:project ../src/Backprop/Backprop.csproj
// Images by a layer of your own: a convolution, checked against finite differences, and then trained on handwritten digits.
using System.IO.Compression;
using System.Numerics.Tensors;
using Backprop;
using MathNet.Numerics.LinearAlgebra;

var generator = new Generator(seed: 1);
GradientCheck.Run(new Convolution(side: 3, filters: 2, generator), Matrix<double>.Build.Random(3, 25, seed: 1)).ThrowIfFailed();
var folder = (string)AppContext.GetData("EntryPointFileDirectoryPath")!;
using var file = new StreamReader(new GZipStream(File.OpenRead(Path.Combine(folder, "data", "digits.csv.gz")), CompressionMode.Decompress));
var lines = file.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(','));
var digits = Samples<double>.From(lines, line => [.. line[..64].Select(p => int.Parse(p) / 16.0)], line => [int.Parse(line[64])]);
var (training, test) = digits.Split(heldBack: 0.25, generator);
var model = new Sequential<double> { new Convolution(side: 6, filters: 8, generator), new ReLU<double>(), new Linear<double>(288, 10, generator: generator) };
var (loss, adam) = (new CrossEntropyLoss<double>(), new Adam<double>(model.Parameters, learningRate: 0.005));
new Trainer<double>(model, loss, adam, new Batches<double>(training, batchSize: 64, shuffle: generator)).Fit(untilEpoch: 15);
var accuracy = new Accuracy<double>().Of(model.Forward(test.X), test.Y);
Console.WriteLine($"{model}: accuracy {accuracy:F3} on {test.Count} digits that were held back");
return accuracy > 0.97 ? 0 : 1;

/// <summary>y = sum of w x over 3 x 3 neighbours, for each filter and place. A row of x is an image, and so a column is one pixel of all images.</summary>
internal sealed class Convolution : Layer<double>
{
    private readonly MatrixParameter<double> _weight;
    private readonly (int Output, int Filter, int K, int Pixel)[] _products;    // y[Output] += w[Filter, K] x[Pixel]

    public Convolution(int side, int filters, Generator generator)
    {
        Init.KaimingNormal(_weight = Register(new MatrixParameter<double>("weight", filters, 9)), nonlinearity: Nonlinearity.ReLU, generator: generator);
        _products = [.. from y in Enumerable.Range(0, filters * side * side) from k in Enumerable.Range(0, 9)
                        select (y, y / (side * side), k, (y / side % side + k / 3) * (side + 2) + y % side + k % 3)];
    }

    public override int? InputColumns => _products[^1].Pixel + 1;     // the last product's pixel is the last of all
    public override int OutputColumns(int inputColumns) => _products.Length / 9;

    protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass)
    {
        var y = pass.NewOutput(x.RowCount, _products.Length / 9);
        y.Clear();              // what is in it is old
        foreach (var (output, filter, k, pixel) in _products)
            TensorPrimitives.MultiplyAdd(Column(x, pixel), _weight.Value[filter, k], Column(y, output), Column(y, output));
        return y;
    }

    protected override Matrix<double> BackwardCore(ForwardPass<double> pass, Matrix<double> dY)
    {
        var (x, dX) = (pass.Input, pass.NewInputGradient());
        dX.Clear();
        foreach (var (output, filter, k, pixel) in _products)
        {
            _weight.Gradient[filter, k] += TensorPrimitives.Dot(Column(x, pixel), Column(dY, output));
            TensorPrimitives.MultiplyAdd(Column(dY, output), _weight.Value[filter, k], Column(dX, pixel), Column(dX, pixel));
        }
        return dX;
    }

    private static Span<double> Column(Matrix<double> x, int j) => x.Span().Slice(j * x.RowCount, x.RowCount);
}

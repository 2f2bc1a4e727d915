using System.Globalization;
using System.Numerics;
using Backprop.Tests;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Microsoft.ML.OnnxRuntime;
using Xunit;
using static Backprop.Onnx.Tests.Wire;

namespace Backprop.Onnx.Tests;

public abstract class ImportTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Files in the shape that PyTorch's and scikit-learn's exporters give them; what ONNX Runtime makes of them in float is what the network gives here.</summary>
    [Theory]
    [InlineData("pytorch-mlp.onnx", null, "Sequential(0: Linear(4 -> 6), 1: ReLU(), 2: Linear(6 -> 5), 3: GELU(), 4: Linear(5 -> 3), 5: Softmax())")]
    [InlineData("pytorch-cnn.onnx", null,
        "Sequential(features: Sequential(0: Conv2d(2x8x6 -> 4, kernel 3, padding 1), 1: BatchNorm2d(4x8x6), 2: SiLU(), 3: MaxPool2d(4x8x6, kernel 2), 4: Conv2d(4x4x3 -> 4, kernel 3, groups 2, no bias), 5: ReLU(), "
        + "6: AdaptiveAvgPool2d(4x2x1 -> 4x1x1)), classifier: Sequential(1: Linear(4 -> 3)))")]
    [InlineData("sklearn-mlp.onnx", "probabilities", "Sequential(0: Standardize(4, allow constant), 1: Linear(4 -> 5), 2: ReLU(), 3: Linear(5 -> 3), 4: Softmax())")]
    public void Files_of_other_exporters_are_networks(string file, string? output, string layers)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "fixtures", file);
        var network = OnnxImport.Load<T>(path, output);
        network.ToString().Should().Be(layers);

        var x = Any.Matrix<float>(5, network.InputColumns!.Value, 3, 2);
        using var session = Runtime.Open(File.ReadAllBytes(path));
        long[] shape = [5, .. session.InputMetadata.Single().Value.Dimensions.Skip(1)];
        using var input = OrtValue.CreateTensorValueFromMemory(x.ToRowMajorArray(), shape);
        using var run = new RunOptions();
        using var outputs = session.Run(run, session.InputNames, [input], [output ?? session.OutputNames.Single()]);
        var there = Matrix<T>.Build.DenseOfRowMajor(5, 3, [.. outputs[0].GetTensorDataAsSpan<float>().ToArray().Select(T.CreateChecked)]);
        var here = network.Forward(Matrix<T>.Build.Dense(5, x.ColumnCount, (i, j) => T.CreateChecked(x[i, j])));
        for (var i = 0; i < 5; i++)
            for (var j = 0; j < 3; j++) double.CreateChecked(here[i, j]).Should().BeApproximately(double.CreateChecked(there[i, j]), 1e-5);
    }

    /// <summary>Files that PyTorch 1.13's exporter wrote, and what PyTorch itself computed: see fixtures/export.py.</summary>
    [Theory]
    [InlineData("torch-mlp")]
    [InlineData("torch-cnn")]
    [InlineData("torch-view")]
    [InlineData("torch-signal")]
    [InlineData("torch-old")]
    public void What_PyTorchs_own_exporter_writes_computes_what_PyTorch_does(string name)
    {
        var file = Path.Combine(AppContext.BaseDirectory, "fixtures", name);
        var network = OnnxImport.Load<T>($"{file}.onnx");
        double[][] rows = [.. File.ReadLines($"{file}.txt").Select(line => line.Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture)).ToArray())];
        var y = network.Forward(Matrix<T>.Build.DenseOfRowArrays(rows[..2].Select(row => row.Select(T.CreateChecked).ToArray())));
        y.ColumnCount.Should().Be(rows[2].Length);
        for (var i = 0; i < 2; i++)
            for (var j = 0; j < y.ColumnCount; j++) double.CreateChecked(y[i, j]).Should().BeApproximately(rows[2 + i][j], 1e-6, "{0}", network);
    }

    [Fact]
    public void What_was_exported_from_here_comes_back_bit_for_bit_with_its_names()
    {
        var generator = new Generator(seed: 3);
        var image = new ImageShape(2, 6, 5);
        Sequential<T>[] networks =
        [
            new() { { "scale", new Standardize<T>(3) }, { "hidden", new Linear<T>(3, 5, bias: false, generator: generator) }, { "act", new Tanh<T>() }, { "body", new Sequential<T> { { "0", new Linear<T>(5, 4, generator: generator) }, { "out", new LogSoftmax<T>() } } } },
            new() { new Linear<T>(4, 4, generator: generator), new PReLU<T>(4), new Linear<T>(4, 3, generator: generator), new LeakyReLU<T>(0.125), new ReLU6<T>(), new Hardtanh<T>(-0.5, 0.75), new Sigmoid<T>() },
            new()
            {
                new Conv2d<T>(image, 4, (2, 3), (2, 1), new Padding2d(1, 1, 0, 1), groups: 2, generator: generator), new BatchNorm2d<T>(new(4, 3, 5)), new ELU<T>(), new MaxPool2d<T>(new(4, 3, 5), 2, 1, 1), new AvgPool2d<T>(new(4, 4, 6), 2),
                new AdaptiveAvgPool2d<T>(new(4, 2, 3), 1), new Linear<T>(4, 2, generator: generator),
            },
            new() { new Conv1d<T>(2, 6, 3, 3, padding: 1, generator: generator), new CELU<T>(0.5), new Linear<T>(18, 2, generator: generator), new Softplus<T>(), new Softsign<T>(), new Hardsigmoid<T>(), new Hardswish<T>(), new SELU<T>(), new Mish<T>() },
            new() { new LayerNorm<T>(3), new GELU<T>(), new Linear<T>(3, 3, generator: generator), new SiLU<T>(), new BatchNorm1d<T>(3) },
        ];
        (networks[0].Get<Standardize<T>>("scale")).Fit(Any.Matrix<T>(4, 3, 1));
        foreach (var network in networks)
        {
            var x = Any.Matrix<T>(4, network.InputColumns!.Value, 5);
            network.Forward(x, network.NewPass());      // moves the running statistics
            // In double some layers are composed of many nodes: what is a chain there comes back, the others are named.
            if (typeof(T) == typeof(double) && network != networks[0]) continue;
            var again = OnnxImport.Load<T>(new MemoryStream(network.ToOnnx()));
            again.Forward(x).Should().Be(network.Forward(x), "{0} is {1}", again, network);
            if (network == networks[0]) again.NamedParameters().Select(named => named.Name).Should().Equal("hidden.weight", "body.0.weight", "body.0.bias");
        }
    }

    [Fact]
    public void An_imported_network_learns_on()
    {
        var network = OnnxImport.Load<T>(Path.Combine(AppContext.BaseDirectory, "fixtures", "pytorch-cnn.onnx"));
        var (x, loss) = (Any.Matrix<T>(6, network.InputColumns!.Value, 1), new CrossEntropyLoss<T>());
        var y = Matrix<T>.Build.Dense(6, 1, (i, _) => T.CreateChecked(i % 3));
        var (adam, pass) = (new Adam<T>(network.Parameters, 0.05), network.NewPass());
        var first = loss.Forward(network.Forward(x, pass), y);
        for (var step = 0; step < 100; step++)
        {
            adam.ZeroGradients();
            network.Backward(pass, loss.Backward(network.Forward(x, pass), y));
            adam.Step();
        }

        double.CreateChecked(loss.Forward(network.Forward(x, pass), y)).Should().BeLessThan(double.CreateChecked(first) / 2);
    }
}

public sealed class ImportDoubleTests : ImportTests<double>;

public sealed class ImportSingleTests : ImportTests<float>;

public sealed class ImportRefusalTests
{
    private static readonly byte[] X = Port(11, "x", -1, 2), Y = Port(12, "y", -1, 2), W = Tensor(5, "w", 1, [2, 2], new byte[16]), Image = Port(11, "x", -1, 2, 4, 4);

    public static TheoryData<string, byte[]> Refused => new()
    {
        { "its node the Split that gives \"y\" has no layer here.", Model(Node("Split", "x", "y"), X, Y) },
        { "its node the Sub that gives \"y\" subtracts, and is not followed by a division, as a scaler is.", Model(Node("Sub", "x", "y", Text(1, "w")), W, X, Y) },
        { "its node the Add that gives \"y\" takes \"x\", which is not what the node before it gives: this is no chain.", Model(Node("Relu", "x", "a"), Node("Add", "a", "y", Text(1, "x")), X, Y) },
        { "its node the Gemm that gives \"y\" takes 2 columns, but is given 3.", Model(Node("Gemm", "x", "y", Text(1, "w")), W, Port(11, "x", -1, 3), Y) },
        { "its node the Gemm that gives \"y\" lacks the weight, or computes it.", Model(Node("Gemm", "x", "y", Text(1, "x")), X, Y) },
        { "its node the Gemm that gives \"y\" transposes what comes.", Model(Node("Gemm", "x", "y", Text(1, "w"), Setting("transA", 1)), W, X, Y) },
        { "its node the Gemm that gives \"y\" has a bias of 4 numbers for 2 columns.", Model(Node("Gemm", "x", "y", Text(1, "w"), Text(1, "v")), W, Weight("v", 4), X, Y) },
        { "its node the MatMul that gives \"y\" does not multiply what comes with a weight on its right.", Model(Node("MatMul", "w", "y", Text(1, "x")), W, X, Y) },
        { "its node the MatMul that gives \"y\" is given what is no row.", Model(Node("MatMul", "x", "y", Text(1, "w")), W, Port(11, "x", -1, 2, 2), Y) },
        { "its node the Conv that gives \"y\" has a weight that is 2x2, which does not fit what it is given.", Model(Node("Conv", "x", "y", Text(1, "w")), W, Image, Y) },
        { "its node the Conv that gives \"y\" has a weight that is 1000000000x2x0x3, which does not fit what it is given.", Model(Node("Conv", "x", "y", Text(1, "v")), Tensor(5, "v", 1, [1_000_000_000, 2, 0, 3]), Image, Y) },
        { "its node the Conv that gives \"y\" has pads that are none.", Model(Node("Conv", "x", "y", Text(1, "v"), Setting("pads", 1, 1, 1, -1)), Tensor(5, "v", 1, [1, 2, 1, 1], new byte[8]), Image, Y) },
        { "its node the Conv that gives \"y\" has no layer here: Conv2d(*", Model(Node("Conv", "x", "y", Text(1, "v")), Tensor(5, "v", 1, [1, 2, 9, 1], new byte[72]), Image, Y) },
        { "its node the MaxPool that gives \"y\" is given images whose size the file does not say; inputShape does.", Model(Node("MaxPool", "x", "y", Setting("kernel_shape", 2, 2)), Port(11, "x", -1, 2, -1, -1), Y) },
        { "its node the MaxPool that gives \"y\" is given images of 2x1000000x4, which are larger than any.", Model(Node("MaxPool", "x", "y", Setting("kernel_shape", 2, 2)), Port(11, "x", -1, 2, 1_000_000, 4), Y) },
        { "its node the MaxPool that gives \"y\" pads two sides of an image differently.", Model(Node("MaxPool", "x", "y", Setting("kernel_shape", 2, 2), Setting("pads", 0, 0, 1, 1)), Image, Y) },
        { "its node the MaxPool that gives \"y\" has a window of 100000.", Model(Node("MaxPool", "x", "y", Setting("kernel_shape", 100_000, 2)), Image, Y) },
        { "its node the BatchNormalization that gives \"y\" is in training mode.", Model(Node("BatchNormalization", "x", "y", Setting("training_mode", 1)), X, Y) },
        { "its node the Softmax that gives \"y\" is over the axis 0 of what comes, and here it is over the columns of rows.", Model(Node("Softmax", "x", "y", Setting("axis", 0)), X, Y) },
        { "its node the Reshape that gives \"y\" makes rows of 3 columns of samples of 2 numbers.", Model(Node("Reshape", "x", "y", Text(1, "s")), Tensor(5, "s", 7, [2], [255, 255, 255, 255, 255, 255, 255, 255, 3, 0, 0, 0, 0, 0, 0, 0]), X, Y) },
        { "its node the Cos that gives \"a\" computes with weights alone, which is not done here.", Model(Node("Cos", "w", "a"), Node("Gemm", "x", "y", Text(1, "a")), W, X, Y) },
        { "its node the FusedGemm that gives \"y\" is an operator of com.microsoft, which is not known here.", Model(Node("FusedGemm", "x", "y", Text(7, "com.microsoft")), X, Y) },
        { "its output \"y\" depends on 2 inputs, and a chain has one.", Model(Node("Add", "x", "y", Text(1, "z")), X, Port(11, "z", -1, 2), Y) },
        { "its output \"y\" depends on 0 inputs, and a chain has one.", Model(Node("Identity", "w", "y"), W, X, Y) },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void The_first_node_that_is_not_taken_is_named(string reason, byte[] file) =>
        ((Action)(() => OnnxImport.Load<double>(new MemoryStream(file)))).Should().Throw<NotSupportedException>().WithMessage($"The ONNX file cannot be imported: {reason}");

    [Fact]
    public void Recurrent_nodes_are_no_chain() => ((Action)(() => OnnxImport.Load<float>(new MemoryStream(new LSTM<float>(4, 8, steps: 5).ToOnnx())))).Should().Throw<NotSupportedException>()
        .WithMessage("The ONNX file cannot be imported: its node /Reshape (Reshape) makes of a sample what is neither a row nor an image of as many numbers.", "docs/onnx.md says so");

    [Fact]
    public void Of_several_outputs_one_is_to_be_named()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "fixtures", "sklearn-mlp.onnx");
        ((Action)(() => OnnxImport.Load<float>(path))).Should().Throw<ArgumentException>().WithMessage("The graph has several outputs, \"label\", \"probabilities\": Load expects output to say which.*");
        ((Action)(() => OnnxImport.Load<float>(path, "odds"))).Should().Throw<ArgumentException>().WithMessage("The graph has no output \"odds\"; it has \"label\", \"probabilities\".*");
        ((Action)(() => OnnxImport.Load<float>(path, "label"))).Should().Throw<NotSupportedException>().WithMessage("*its node ArgMax (ArgMax) has no layer here.");
    }

    [Fact]
    public void Where_the_file_does_not_say_the_size_of_images_the_caller_does()
    {
        var file = Model(Node("MaxPool", "x", "y", Setting("kernel_shape", 2, 2), Setting("strides", 2, 2)), Port(11, "x", -1, 2, -1, -1), Y);
        OnnxImport.Load<float>(new MemoryStream(file), inputShape: new ImageShape(2, 6, 4)).ToString().Should().Be("Sequential(0: MaxPool2d(2x6x4, kernel 2))");
        ((Action)(() => OnnxImport.Load<float>(new MemoryStream(Model(Node("Relu", "x", "y"), X, Y)), inputShape: new ImageShape(2, 6, 4)))).Should().Throw<ArgumentException>().WithMessage("The input \"x\" has 2 axes and is no image: Load expects no inputShape.*");
    }

    [Fact]
    public void Layers_without_names_get_those_that_fit_beside_the_others()
    {
        Named("net.0.weight", "net.2.weight").Should().Be("Sequential(net: Sequential(0: Linear(2 -> 2, no bias), 1: ReLU(), 2: Linear(2 -> 2, no bias)))");
        Named("fc1.weight", "fc2.weight").Should().Be("Sequential(fc1: Linear(2 -> 2, no bias), relu: ReLU(), fc2: Linear(2 -> 2, no bias))");
        Named("w", "v").Should().Be("Sequential(0: Linear(2 -> 2, no bias), 1: ReLU(), 2: Linear(2 -> 2, no bias))");
        Named("a.0.weight", "a.1.weight").Should().Be("Sequential(0: Linear(2 -> 2, no bias), 1: ReLU(), 2: Linear(2 -> 2, no bias))", "the number is taken");

        static string Named(string first, string second) => OnnxImport.Load<float>(new MemoryStream(Model(
            Node("Gemm", "x", "a", Text(1, first)), Node("Relu", "a", "b"), Node("Gemm", "b", "y", Text(1, second)), Tensor(5, first, 1, [2, 2], new byte[16]), Tensor(5, second, 1, [2, 2], new byte[16]), X, Y))).ToString();
    }

    [Fact]
    public void A_number_that_a_float_does_not_hold_is_refused()
    {
        var file = Model(Node("Gemm", "x", "y", Text(1, "v")), Tensor(5, "v", 11, [2, 1], [.. BitConverter.GetBytes(1e300), .. BitConverter.GetBytes(1.0)]), X, Y);
        ((Action)(() => OnnxImport.Load<float>(new MemoryStream(file)))).Should().Throw<InvalidDataException>().WithMessage("The tensor \"v\" of this ONNX file holds 1E+300, which a Single does not.");
        OnnxImport.Load<double>(new MemoryStream(file)).Get<Linear<double>>("0").Weight.Values.ToArray().Should().Equal(1e300, 1);
    }
}

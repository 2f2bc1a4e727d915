using System.Globalization;
using Backprop.Tests;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Microsoft.ML.OnnxRuntime;
using Xunit;
using static Backprop.Onnx.Tests.Wire;

namespace Backprop.Onnx.Tests;

/// <summary>Where the import ends: what it takes is what ONNX Runtime makes of it, and what it does not is refused with the reason and in little memory.</summary>
public sealed class ImportLimitsTests
{
    private static readonly byte[] X = Port(11, "x", -1, 6), Image = Port(11, "x", -1, 3, 4, 4), Signal = Port(11, "x", -1, 3, 11), W = Weight("w", 6, 4), Y = Port(12, "y", -1, 4);

    // Numbers that would be spread over samples, or over nothing: each was read as one for each column.
    public static TheoryData<string, byte[]> OtherShapes => new()
    {
        { "the Gemm that gives \"y\" has 4x1 numbers for the bias, which are no row", Model(Node("Gemm", "x", "y", Text(1, "w"), Text(1, "b")), W, Weight("b", 4, 1), Port(11, "x", 4, 6), Y) },
        { "the Gemm that gives \"y\" has 2x2 numbers for the bias, which are no row", Model(Node("Gemm", "x", "y", Text(1, "w"), Text(1, "b")), W, Weight("b", 2, 2), X, Y) },
        { "the Gemm that gives \"y\" has 1x1x4 numbers for the bias, which are no row", Model(Node("Gemm", "x", "y", Text(1, "w"), Text(1, "b")), W, Weight("b", 1, 1, 4), X, Y) },
        { "the Add that gives \"y\" has 4x1 numbers for the bias, which are no row", Model(Node("MatMul", "x", "a", Text(1, "w")), Node("Add", "a", "y", Text(1, "b")), W, Weight("b", 4, 1), X, Y) },
        { "the PRelu that gives \"y\" has 6x1 numbers for the slopes, which are no row", Model(Node("PRelu", "x", "y", Text(1, "b")), Weight("b", 6, 1), X, Y) },
        { "the PRelu that gives \"y\" takes 4 columns, but is given 6", Model(Node("PRelu", "x", "y", Text(1, "b")), Weight("b", 4), X, Y) },
        { "the PRelu that gives \"y\" has 5x6 numbers for the slopes, which are no row", Model(Node("PRelu", "x", "y", Text(1, "b")), Weight("b", 5, 6), X, Y) },
        { "the PRelu that gives \"y\" has slopes for each channel of an image, and PReLU here has them for columns", Model(Node("PRelu", "x", "y", Text(1, "b")), Weight("b", 3, 1, 1), Image, Y) },
        { "the Sub that gives \"a\" has 6x1 numbers for the mean, which are no row", Model(Node("Sub", "x", "a", Text(1, "b")), Node("Div", "a", "y", Text(1, "b")), Weight("b", 6, 1), X, Y) },
        { "the Div that gives \"y\" has 6x1 numbers for the deviation, which are no row", Model(Node("Sub", "x", "a", Text(1, "m")), Node("Div", "a", "y", Text(1, "b")), Weight("m", 6), Weight("b", 6, 1), X, Y) },
        { "the LayerNormalization that gives \"y\" has 6x1 numbers for the weight, which are no row", Model(Node("LayerNormalization", "x", "y", Text(1, "b")), Weight("b", 6, 1), X, Y) },
        { "the LayerNormalization that gives \"y\" has 6x1 numbers for the bias, which are no row", Model(Node("LayerNormalization", "x", "y", Text(1, "m"), Text(1, "b")), Weight("m", 6), Weight("b", 6, 1), X, Y) },
        { "the Conv that gives \"y\" has 2x2 numbers for the bias, which are no row", Model(Node("Conv", "x", "y", Text(1, "v"), Text(1, "b")), Weight("v", 4, 3, 1, 1), Weight("b", 2, 2), Image, Y) },
        { "the BatchNormalization that gives \"y\" has 2x3 numbers for the mean, which are no row", Model(Node("BatchNormalization", "x", "y", Text(1, "m"), Text(1, "m"), Text(1, "b"), Text(1, "m")), Weight("m", 6), Weight("b", 2, 3), X, Y) },
        { "the MatMul that gives \"a\" has a weight that is a single number, and no matrix", Model(Node("MatMul", "x", "a", Text(1, "v")), Node("Add", "a", "y", Text(1, "b")), Weight("v"), Weight("b", 1), X, Y) },
    };

    public static TheoryData<string, byte[]> Reshapes => new()
    {
        { "makes rows of 3 columns of samples of 48 numbers", Reshaped(Image, -1, 0) },
        { "has a shape that is none: -1x-1", Reshaped(Image, -1, -1) },
        { "has a shape that is none: -2x4", Reshaped(Image, -2, 4) },
        { "has a shape that is none: 0x48", Reshaped(Image, [0, 48], Setting("allowzero", 1)) },
        { "fixes the number of rows", Reshaped(Image, 1, -1) },
        { "fixes the number of rows", Reshaped(Image, 2, 48) },
        { "keeps an axis whose size the file does not say", Reshaped(Port(11, "x", -1, -1, 4), -1, 0) },
        { "makes of a sample what is neither a row nor an image of as many numbers", Reshaped(Image, 0, 5, -1) },
        { "takes a size that the file does not say", Model([.. ShapeOf("x", 1, "n"), Node("Concat", "n", "s", Text(1, "last"), Setting("axis", 0)), Node("Reshape", "x", "y", Text(1, "s")), Sizes("last", -1), Port(11, "x", -1, -1, 4), Y]) },
        { "has a shape that is none: -1xsamples", Model([.. ShapeOf("x", 0, "n"), Node("Concat", "last", "s", Text(1, "n"), Setting("axis", 0)), Node("Reshape", "x", "y", Text(1, "s")), Sizes("last", -1), Image, Y]) },
        { "flattens other than all axes of a sample", Model(Node("Flatten", "x", "y", Setting("axis", -1)), Image, Y) },
        { "leaves out axes other than those of an image of one pixel", Model(Node("Squeeze", "x", "y", Text(1, "s")), Sizes("s", 0), Port(11, "x", 1, 3, 1, 1), Y) },
    };

    public static TheoryData<string, byte[]> Settings => new()
    {
        { "has a setting transB that is no whole number", Model(Node("Gemm", "x", "y", Text(1, "w"), Setting("transB", 1.0)), W, X, Y) },
        { "has a setting transB that is no whole number", Model(Node("Gemm", "x", "y", Text(1, "w"), Setting("transB", "yes")), W, X, Y) },
        { "has a setting transB that is no whole number", Model(Node("Gemm", "x", "y", Text(1, "w"), Block(5, Text(1, "transB"), Number(3, 1), Number(20, 13))), W, X, Y) },
        { "has a setting alpha that is no number", Model(Node("Elu", "x", "y", Setting("alpha", 2)), X, Y) },
        { "has a setting approximate that is no text", Model(Node("Gelu", "x", "y", Setting("approximate", 1)), X, Y) },
        { "is approximated by guess", Model(Node("Gelu", "x", "y", Setting("approximate", "guess")), X, Y) },
        { "has a setting auto_pad that is no text", Model(Node("Conv", "x", "y", Text(1, "v"), Setting("auto_pad", 1)), Weight("v", 4, 3, 1, 1), Image, Y) },
        { "has a setting auto_pad that is no text", Model(Node("MaxPool", "x", "y", Setting("kernel_shape", 2, 2), Wire.Settings("auto_pad", 1.0, 2.0)), Image, Y) },
        { "has a setting offset that is no list of numbers", Model(Node("Scaler", "x", "y", Text(7, "ai.onnx.ml"), Setting("offset", 1.0)), X, Y) },
        { "has dilations that are none", Model(Node("MaxPool", "x", "y", Setting("kernel_shape", 2, 2), Wire.Settings("dilations", 1L), Setting("auto_pad", "SAME_UPPER")), Image, Y) },
        { "has a weight that is 4x3x3x3, and a kernel_shape of 2x2", Model(Node("Conv", "x", "y", Text(1, "v"), Setting("kernel_shape", 2, 2)), Weight("v", 4, 3, 3, 3), Image, Y) },
        { "has 2 inputs, and 1 at most are known here", Model(Node("Relu", "x", "y", Text(1, "x")), X, Y) },
        { "has no layer here: Dropout expects p to be from 0 to 1, but it is -2", Model(Node("Dropout", "x", "y", Setting("ratio", -2.0)), X, Y) },
        { "has no layer here: Dropout expects p to be from 0 to 1, but it is NaN", Model(Node("Dropout", "x", "y", Setting("ratio", double.NaN)), X, Y) },
        { "has no layer here: ELU expects alpha to be finite, but it is NaN", Model(Node("Elu", "x", "y", Setting("alpha", double.NaN)), X, Y) },
        { "has no layer here: CELU expects alpha to be finite and not 0, but it is 0", Model(Node("Celu", "x", "y", Setting("alpha", 0.0)), X, Y) },
        { "has no layer here: LeakyReLU expects negativeSlope to be finite, but it is NaN", Model(Node("LeakyRelu", "x", "y", Setting("alpha", double.NaN)), X, Y) },
        { "takes 0 columns, but is given 6", Model(Node("PRelu", "x", "y", Text(1, "b")), Weight("b", 0), X, Y) },
        { "has no layer here: PReLU(0) expects numParameters to be at least 1*", Model(Node("PRelu", "x", "y", Text(1, "b")), Weight("b", 0), Port(11, "x", -1, -1), Y) },
        { "has no layer here: AdaptiveAvgPool2d(*", Model(Node("GlobalAveragePool", "x", "y"), Port(11, "x", -1, 1, 50_000, 50_000), Y) },
        { "has the alpha 0.2 and the beta 0.5, and Hardsigmoid here has 1/6 and 0.5", Model(Node("HardSigmoid", "x", "y"), X, Y) },
        { "has another alpha or gamma than SELU", Model(Node("Selu", "x", "y", Setting("alpha", 1.5)), X, Y) },
        { "has the bounds 1 and 1, which leave nothing between them", Model(Node("Clip", "x", "y", Text(1, "b"), Text(1, "b")), Tensor(5, "b", 1, [], Floats(1)), X, Y) },
        { "has the momentum 5, which is not from 0 to 1", Model(Node("BatchNormalization", "x", "y", Text(1, "m"), Text(1, "m"), Text(1, "m"), Text(1, "m"), Setting("momentum", 5.0)), Weight("m", 6), X, Y) },
        { "makes numbers of the type 7, and layers take floats", Model(Node("Cast", "x", "y", Setting("to", 7)), X, Y) },
        { "pads by reflect", Model(Node("Pad", "x", "y", Text(1, "p"), Setting("mode", "reflect")), Sizes("p", 0, 0, 1, 1, 0, 0, 1, 1), Image, Y) },
        { "pads with another number than 0", Model(Node("Pad", "x", "y", Text(1, "p"), Text(1, "b")), Sizes("p", 0, 0, 1, 1, 0, 0, 1, 1), Weight("b", 1), Image, Y) },
        { "pads samples or channels", Model(Node("Pad", "x", "y", Text(1, "p")), Sizes("p", 0, 1, 1, 1, 0, 0, 1, 1), Image, Y) },
        { "pads 3 axes of 4", Model(Node("Pad", "x", "y", Text(1, "p")), Sizes("p", 0, 1, 1, 0, 0, 1), Image, Y) },
        { "cuts off, or pads with more than can be", Model(Node("Pad", "x", "y", Text(1, "p")), Sizes("p", 0, 0, -1, 1, 0, 0, 1, 1), Image, Y) },
        { "lacks the padding, or computes it", Model(Node("Pad", "x", "y"), Image, Y) },
        { "averages other than all pixels of an image", Model(Node("ReduceMean", "x", "y", Wire.Settings("axes", 1L)), Image, Y) },
        { "has no window of one side, and is given signals", Model(Node("MaxPool", "x", "y", Setting("kernel_shape", 2, 2)), Signal, Y) },
        { "is given rows, and no images", Model(Node("GlobalAveragePool", "x", "y"), X, Y) },
        { "is given signals whose length the file does not say", Model(Node("GlobalAveragePool", "x", "y"), Port(11, "x", -1, 3, -1), Y) },
        { "is given what has more axes than an image", Model(Node("GlobalAveragePool", "x", "y"), Port(11, "x", -1, 3, 4, 4, 4), Y) },
    };

    // Files of few bytes that ask for many numbers.
    public static TheoryData<string, byte[]> Bombs => new()
    {
        { "the Div that gives \"y\" asks for 10737418", Model(Node("Sub", "x", "a", Text(1, "b")), Node("Div", "a", "y", Text(1, "b")), Weight("b"), Port(11, "x", -1, 1 << 30), Y) },
        { "the Scaler that gives \"y\" asks for 2147483647", Model(Node("Scaler", "x", "y", Text(7, "ai.onnx.ml"), Wire.Settings("offset", 0.5), Wire.Settings("scale", 2.0)), Port(11, "x", -1, int.MaxValue), Y) },
        { "asks for", Model([.. Chain(600, (i, x, y) => Node(i % 2 == 0 ? "Sub" : "Div", x, y, Text(1, "b"))), Weight("b"), Port(11, "x", -1, 100_000), Y]) },
        { "asks for", Model([.. Chain(3000, (_, x, y) => Node("Gemm", x, y, Text(1, "v"))), Weight("v", 100, 100), Port(11, "x", -1, 100), Y]) },
        { "asks for", Model([.. Chain(3000, (_, x, y) => Node("PRelu", x, y, Text(1, "v"))), Weight("v", 10_000), Port(11, "x", -1, 10_000), Y]) },
        { "asks for", Model([.. Chain(3000, (_, x, y) => Node("Conv", x, y, Text(1, "v"))), Weight("v", 100, 100, 1, 1), Port(11, "x", -1, 100, 1, 1), Y]) },
        { "asks for", Model([.. Enumerable.Range(0, 3000).Select(i => Node("Transpose", i == 0 ? "v" : $"t{i}", $"t{i + 1}")), Node("Gemm", "x", "y", Text(1, "t3000")), Weight("v", 100, 100), Port(11, "x", -1, 100), Y]) },
        { "the MaxPool that gives \"y\" asks for", Model(Node("MaxPool", "x", "y", Setting("kernel_shape", 1024, 1)), Port(11, "x", -1, 1, 65_536, 1), Y) },
        { "asks for", Model([.. Chain(3000, (_, x, y) => Node("AveragePool", x, y, Setting("kernel_shape", 1, 1))), Port(11, "x", -1, 1, 65_536, 1), Y]) },
    };

    // What comes, and what the layers are.
    public static TheoryData<string, long[], byte[]> Taken => new()
    {
        { "Linear(6 -> 4)", [3, 6], Model(Node("Gemm", "x", "y", Text(1, "w"), Text(1, "b"), Setting("alpha", 0.5), Setting("beta", -2.0)), W, Weight("b", 1, 4), X, Y) },
        { "Linear(6 -> 4, no bias)", [3, 6], Model(Node("Gemm", "x", "y", Text(1, "v"), Setting("alpha", 3.0), Setting("transB", 1)), Weight("v", 4, 6), X, Y) },
        { "Linear(6 -> 4)", [3, 6], Model(Node("Gemm", "x", "y", Text(1, "w"), Text(1, "b")), W, Tensor(5, "b", 1, [], Floats(2.5f)), X, Y) },
        { "Linear(6 -> 4)", [3, 6], Model(Node("MatMul", "x", "a", Text(1, "w")), Node("Add", "a", "y", Text(1, "b")), W, Tensor(5, "b", 1, [1], Floats(2.5f)), X, Y) },
        { "PReLU(6)", [3, 6], Model(Node("PRelu", "x", "y", Text(1, "b")), Weight("b", 1, 6), X, Port(12, "y", -1, 6)) },
        { "PReLU(1)", [3, 3, 4, 4], Model(Node("PRelu", "x", "y", Text(1, "b")), Weight("b", 1, 1, 1), Image, Port(12, "y", -1, 3, 4, 4)) },
        { "Conv1d(3x11 -> 4, kernel 2, no bias); ReLU(); MaxPool2d(4x1x10, kernel 1x2); Linear(20 -> 2, no bias)", [3, 3, 11], Model(Node("Conv", "x", "a", Text(1, "v")), Node("Relu", "a", "b"),
            Node("MaxPool", "b", "c", Wire.Settings("kernel_shape", 2L), Wire.Settings("strides", 2L)), Node("Flatten", "c", "d"), Node("Gemm", "d", "y", Text(1, "u")), Weight("v", 4, 3, 2), Weight("u", 20, 2), Signal, Port(12, "y", -1, 2)) },
        { "ZeroPad2d(3x4x4, (left 1, right 0, top 2, bottom 1))", [3, 3, 4, 4], Model(Node("Pad", "x", "y", Text(1, "p")), Sizes("p", 0, 0, 2, 1, 0, 0, 1, 0), Image, Port(12, "y", -1, 3, 7, 5)) },
        { "ZeroPad2d(3x1x11, (left 2, right 1, top 0, bottom 0))", [3, 3, 11], Model(Node("Pad", "x", "y", Text(1, "p")), Sizes("p", 0, 0, 2, 0, 0, 1), Signal, Port(12, "y", -1, 3, 14)) },
        { "AvgPool2d(3x1x11, kernel 1x3, stride 1x2, padding 0x1)", [3, 3, 11], Model(Node("AveragePool", "x", "y", Wire.Settings("kernel_shape", 3L), Wire.Settings("strides", 2L), Setting("pads", 1, 1), Setting("count_include_pad", 1)), Signal, Port(12, "y", -1, 3, 6)) },
        { "AdaptiveAvgPool2d(3x1x11 -> 3x1x1)", [3, 3, 11], Model(Node("GlobalAveragePool", "x", "a"), Node("Squeeze", "a", "y", Text(1, "s")), Sizes("s", -1), Signal, Port(12, "y", -1, 3)) },
        { "AdaptiveAvgPool2d(3x1x11 -> 3x1x1)", [3, 3, 11], Model(Node("ReduceMean", "x", "y", Wire.Settings("axes", -1L), Setting("keepdims", 0)), Port(11, "x", -1, 3, 11), Port(12, "y", -1, 3))[..^1].Append((byte)17).ToArray() },
        { "ReLU(); Linear(48 -> 4, no bias)", [3, 3, 4, 4], Flattened(ShapeOf("x", 0, "n")) },
        { "ReLU(); Linear(48 -> 4, no bias)", [3, 3, 4, 4], Flattened(ShapeOf("a", 0, "n")) },
        { "ReLU(); Linear(48 -> 4, no bias)", [3, 3, 4, 4], Flattened([Node("Shape", "x", "n", Setting("start", 0), Setting("end", 1))]) },
        { "ReLU(); Linear(48 -> 4, no bias)", [3, 3, 4, 4], Flattened([Node("Shape", "x", "all"), Node("Slice", "all", "n", Text(1, "zero"), Text(1, "one")), Sizes("zero", 0), Sizes("one", 1)]) },
        { "ReLU(); Linear(48 -> 4, no bias)", [1, 3, 4, 4], Model(Node("Relu", "x", "a"), Node("Reshape", "a", "b", Text(1, "s")), Node("Gemm", "b", "y", Text(1, "w")), Sizes("s", 1, -1), Weight("w", 48, 4), Port(11, "x", 1, 3, 4, 4), Port(12, "y", 1, 4)) },
        { "ReLU(); Linear(16 -> 4, no bias)", [3, 4, 4], Model(Node("Relu", "x", "a"), Node("Reshape", "a", "c", Text(1, "t")), Node("Reshape", "c", "b", Text(1, "s")), Node("Gemm", "b", "y", Text(1, "w")),
            Sizes("t", 0, 0, 2, -1), Sizes("s", -1, 16), Weight("w", 16, 4), Port(11, "x", -1, 4, 4), Y) },
        { "ReLU()", [3, 6], Model(Node("Relu", "x", "a"), Node("Flatten", "a", "y", Setting("axis", -1)), X, Port(12, "y", -1, 6)) },
    };

    [Theory]
    [MemberData(nameof(OtherShapes))]
    [MemberData(nameof(Reshapes))]
    [MemberData(nameof(Settings))]
    public void What_would_be_another_function_here_is_refused(string reason, byte[] file) =>
        ((Action)(() => OnnxImport.Load<float>(new MemoryStream(file)))).Should().Throw<NotSupportedException>().WithMessage($"The ONNX file cannot be imported: its node *{reason}.");

    [Theory]
    [MemberData(nameof(Bombs))]
    public void A_file_gets_numbers_in_proportion_to_its_bytes(string reason, byte[] file)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        ((Action)(() => OnnxImport.Load<double>(new MemoryStream(file)))).Should().Throw<NotSupportedException>()
            .WithMessage($"The ONNX file cannot be imported: its node *{reason}* numbers together with what is before it, and a file of {file.Length} bytes gets {(1 << 20) + 4 * file.Length} at most.");
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan((100L << 20) + 200L * file.Length);
    }

    [Fact]
    public void A_weight_may_stand_in_some_nodes()
    {
        var file = Model([.. Chain(12, (_, x, y) => Node("Gemm", x, y, Text(1, "v"))), Weight("v", 500, 500), Port(11, "x", -1, 500), Y]);
        OnnxImport.Load<float>(new MemoryStream(file)).Children.Should().HaveCount(12);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(8)]
    public void Layers_take_floats(int type)
    {
        var x = Block(11, Text(1, "x"), Block(2, Block(1, Number(1, type), Block(2, Block(1, Text(2, "batch")), Block(1, Number(1, 6))))));
        ((Action)(() => OnnxImport.Load<float>(new MemoryStream(Model(Node("Relu", "x", "y"), x, Y))))).Should().Throw<NotSupportedException>().WithMessage($"The ONNX file cannot be imported: its input \"x\" is of the type {type}, and layers take floats.");
        OnnxImport.Load<float>(new MemoryStream(Model(Node("Cast", "x", "a", Setting("to", 1)), Node("Relu", "a", "y"), x, Y))).ToString().Should().Be("Sequential(0: ReLU())");
    }

    [Theory]
    [MemberData(nameof(Taken))]
    public void What_is_taken_is_what_ONNX_Runtime_makes_of_it(string layers, long[] shape, byte[] file)
    {
        var network = OnnxImport.Load<float>(new MemoryStream(file));
        string.Join("; ", network.Children.Select(child => child.Layer)).Should().Be(layers);
        var x = Any.Matrix<float>((int)shape[0], (int)shape.Skip(1).Aggregate((product, size) => product * size), 4);
        using var session = Runtime.Open(file);
        using var input = OrtValue.CreateTensorValueFromMemory(x.ToRowMajorArray(), shape);
        using var run = new RunOptions();
        using var outputs = session.Run(run, session.InputNames, [input], session.OutputNames);
        var there = outputs[0].GetTensorDataAsSpan<float>().ToArray();
        outputs[0].GetTensorTypeAndShape().Shape[0].Should().Be(shape[0]);
        Runtime.Same(network.Forward(x), Matrix<float>.Build.DenseOfRowMajor((int)shape[0], there.Length / (int)shape[0], there), layers);
    }

    private static byte[] Reshaped(byte[] x, params long[] to) => Reshaped(x, to, []);

    private static byte[] Reshaped(byte[] x, long[] to, byte[] setting) => Model(Node("Reshape", "x", "y", Text(1, "s"), setting), Sizes("s", to), x, Y);

    // x.size(axis), as PyTorch writes it
    private static byte[][] ShapeOf(string x, long axis, string to) =>
    [
        Node("Shape", x, "all"), Node("Gather", "all", "one", Text(1, "at"), Setting("axis", 0)),
        Node("Unsqueeze", "one", to, Text(1, "zeros")), Tensor(5, "at", 7, [], Longs(axis)), Sizes("zeros", 0),
    ];

    // a = relu(x); a.view(x.size(0), -1) w
    private static byte[] Flattened(byte[][] size) => Model(
    [
        Node("Relu", "x", "a"), .. size, Node("Unsqueeze", "minus", "rest", Text(1, "axes")), Node("Concat", "n", "s", Text(1, "rest"), Setting("axis", 0)), Node("Reshape", "a", "b", Text(1, "s")), Node("Gemm", "b", "y", Text(1, "w")),
        Tensor(5, "minus", 7, [], Longs(-1)), Sizes("axes", 0), Weight("w", 48, 4), Image, Y,
    ]);

    private static IEnumerable<byte[]> Chain(int nodes, Func<int, string, string, byte[]> node) =>
        Enumerable.Range(0, nodes).Select(i => node(i, i == 0 ? "x" : string.Create(CultureInfo.InvariantCulture, $"h{i}"), i == nodes - 1 ? "y" : string.Create(CultureInfo.InvariantCulture, $"h{i + 1}")));
}

using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using Backprop.Tests;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Onnx.Tests;

/// <summary>What stands in a file, seen by the reader, which the runtime's tests do not look at.</summary>
public abstract class FileTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static Sequential<T> Classifier(int width = 4)
    {
        var generator = new Generator(seed: 1);
        var shared = new Linear<T>(width, width, generator: generator);
        return new()
        {
            { "scale", new Standardize<T>(3) }, { "body", new Sequential<T> { new Linear<T>(3, width, generator: generator), new Tanh<T>(), shared, new Dropout<T>(0.5), shared } },
            { "head", new Linear<T>(width, 2, generator: generator) },
        };
    }

    private static Sequential<T> Fitted()
    {
        var model = Classifier();
        model.Get<Standardize<T>>("scale").Fit(Any.Matrix<T>(6, 3, 1));
        return model;
    }

    [Fact]
    public void Weights_have_the_names_and_shapes_of_state_dict_and_stand_once()
    {
        var model = Fitted();
        var file = Reader.Read(model.ToOnnx());
        var named = file.Graph.Tensors.Where(tensor => !tensor.Name.StartsWith('/')).ToDictionary(tensor => tensor.Name);
        named.Keys.Should().BeEquivalentTo("scale.mean", "scale.std", "body.0.weight", "body.0.bias", "body.2.weight", "body.2.bias", "head.weight", "head.bias");
        named["body.0.weight"].Shape.Should().Equal(4, 3);
        var weight = model.Get<Sequential<T>>("body").Get<Linear<T>>("0").Weight;
        Values(named["body.0.weight"]).Should().Equal(weight.Value.ToRowMajorArray());
        file.Graph.Nodes.Select(node => node.Name).Should().Contain(["/scale/Sub", "/body/0/Gemm", "/body/4/Gemm"]);
    }

    [Fact]
    public void A_file_says_what_it_is()
    {
        var model = Fitted();
        var file = Reader.Read(model.ToOnnx(options: new() { InputName = "features", OutputName = "logits", GraphName = "classifier", Opset = 20, Metadata = new Dictionary<string, string> { ["licence"] = "MIT" } }));
        (file.Opset, file.Format, file.Producer, file.ProducerVersion, file.Graph.Name).Should().Be((20, 9, "Backprop", typeof(OnnxExport).Assembly.GetName().Version!.ToString(3), "classifier"));
        file.Graph.Inputs.Should().ContainSingle().Which.Should().BeEquivalentTo(new Port("features", OnnxGraph<T>.Type, ["rows", "3"]));
        file.Graph.Outputs.Should().ContainSingle().Which.Should().BeEquivalentTo(new Port("logits", OnnxGraph<T>.Type, ["rows", "2"]));
        file.Metadata.Should().BeEquivalentTo([new KeyValuePair<string, string>("layers", model.ToString()), new("licence", "MIT"), new("formula", "scale: y = (x - mean) / std\nbody.0: y = x W^T + b\nbody.1: y = tanh(x)\n"
            + "body.2: y = x W^T + b\nbody.3: y = x * mask,  mask = 0 with probability p, else 1/(1 - p); in evaluation y = x\nhead: y = x W^T + b")]);
        Runtime.Agrees(model, model.ToOnnx(options: new() { InputName = "features", OutputName = "logits" }), Any.Matrix<T>(5, 3, 2));
    }

    [Fact]
    public void Different_weights_have_different_names_whatever_their_layers_call_them()
    {
        var model = new Sequential<T> { { "a", new Dotted() } };
        Reader.Read(model.ToOnnx(3, new() { Exporters = [Exporters.For((OnnxGraph<T> graph, Dotted layer, OnnxValue x) => graph.Node("Add", graph.Export(layer.Children[0], x), graph.Tensor(layer.Shift)))] }))
            .Graph.Tensors.Select(tensor => tensor.Name).Should().BeEquivalentTo("a.f.bias", "a.f.weight", "a.f.bias_1");
    }

    [Fact]
    public void A_tied_weight_stands_once()
    {
        var embedding = new Embedding<T>(5, 3);
        var model = new Sequential<T> { { "embedding", embedding }, { "again", new Tied(embedding.Weight) } };
        Reader.Read(model.ToOnnx(1, new() { Exporters = [Exporters.For((OnnxGraph<T> graph, Tied layer, OnnxValue x) => graph.Node("MatMul", x, graph.Node("Transpose", graph.Tensor(layer.Weight))))] }))
            .Graph.Tensors.Select(tensor => tensor.Name).Where(name => !name.StartsWith('/')).Should().Equal("embedding.weight");
    }

    [Fact]
    public void The_same_network_gives_the_same_bytes_and_is_not_changed()
    {
        var model = Fitted();
        var before = Bits(model);
        var bytes = model.ToOnnx();
        model.ToOnnx().Should().Equal(bytes);
        Bits(model).Should().Equal(before);
        using var stream = new MemoryStream();
        model.ExportOnnx(stream);
        stream.ToArray().Should().Equal(bytes);
    }

    [Fact]
    public void A_file_takes_no_more_than_the_weights_and_2_KB()
    {
        var model = new Sequential<T> { new Linear<T>(784, 512), new ReLU<T>(), new Linear<T>(512, 512), new ReLU<T>(), new Linear<T>(512, 10) };
        var weights = model.Parameters.Sum(parameter => parameter.Count) * System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
        var best = TimeSpan.MaxValue;
        for (var i = 0; i < 10; i++)
        {
            var watch = Stopwatch.StartNew();
            model.ToOnnx().Length.Should().BeInRange(weights, weights + 2048);
            if (watch.Elapsed < best) best = watch.Elapsed;
        }

        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture, $"784-512-512-10 in {typeof(T).Name}: {best.TotalMilliseconds:F1} ms, {model.ToOnnx().Length - weights} bytes beside the weights"));
        best.Should().BeLessThan(TimeSpan.FromSeconds(1), "on an idle machine it takes some milliseconds");
    }

    [Fact]
    public void Numbers_that_no_file_holds_are_refused_before_they_are_copied()
    {
        var graph = new OnnxGraph<T>(new Tanh<T>(), new());
        var half = (1L << 30) / System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
        graph.RequireRoom("a", half);
        ((Action)(() => graph.RequireRoom("b", 2 * half))).Should().Throw<NotSupportedException>().WithMessage("An ONNX file holds less than 2 GB, but this network would take 2147483648 bytes for its numbers up to \"b\".");
    }

    [Fact]
    public void A_directory_is_no_place_for_a_file()
    {
        var directory = Directory.CreateTempSubdirectory("backprop-onnx-").FullName;
        try
        {
            ((Action)(() => Fitted().ExportOnnx(directory))).Should().Throw<IOException>().WithMessage($"{directory} could not be written: *. It is still the directory it was.");
            Directory.Exists(directory).Should().BeTrue();
        }
        finally
        {
            Directory.Delete(directory);
        }
    }

    [Fact]
    public void Many_steps_take_little_room()
    {
        var model = new Sequential<T> { new ToSteps<T>(4000), new MultiheadAttention<T>(4, 2, 4000, causal: true, rotaryBase: 100), new MultiheadAttention<T>(4, 2, 4000, causal: true, rotaryBase: 100), new LastStep<T>(4000) };
        model.ToOnnx(16000).Length.Should().BeLessThan(200_000, "the angles of 4000 steps stand there once, and no table of steps by steps");
    }

    [Fact]
    public void What_is_refused_is_refused_by_name_before_a_byte_is_written()
    {
        var path = Path.Combine(Path.GetTempPath(), $"backprop-{Guid.NewGuid():N}.onnx");
        File.WriteAllText(path, "the old file");
        try
        {
            var nested = new Sequential<T> { { "body", new Sequential<T> { new Linear<T>(3, 4), new Own() } } };
            foreach (var (export, message) in new (Action, string)[]
            {
                (() => nested.ExportOnnx(path), "body.1: Own() cannot be exported to ONNX: no exporter writes a Own*"),
                (() => Classifier().ExportOnnx(path), "Standardize(3) expects to be fitted before it is exported*"),
                (() => Fitted().ExportOnnx(path, 4), "*expects 3 input columns, but *"),
                (() => new Tanh<T>().ExportOnnx(path), "Tanh() takes any number of columns: the export to ONNX expects inputColumns to say how many.*"),
                (() => new Tanh<T>().ExportOnnx(path, 0), "Tanh() cannot be given 0 columns.*"),
                (() => Fitted().ExportOnnx(path, options: new() { Opset = 16 }), $"The export to ONNX expects an opset from 17 to {OnnxOpset.Newest}, but it is 16.*"),
                (() => Fitted().ExportOnnx(path, options: new() { InputName = "head.weight" }), "The name \"head.weight\" is taken; choose another InputName or OutputName.*"),
                (() => Fitted().ExportOnnx(path, options: new() { InputName = "y" }), "The name \"y\" is taken*"),
                (() => new Own().ExportOnnx(path, 3, new() { Exporters = [Exporters.For((OnnxGraph<T> graph, Own layer, OnnxValue x) => new("nothing"))] }), "What the exporters wrote for Own() does not fit together.*uses \"nothing\" in /Identity (Identity) before anything gives it."),
                (() => new Own().ExportOnnx(path, 3, new() { Exporters = [Exporters.For((OnnxGraph<T> graph, Own layer, OnnxValue x) => OnnxValue.None)] }), "What the exporter of Own() gives is no value."),
                (() => new Own().ExportOnnx(path, 3, new() { Exporters = [Exporters.For((OnnxGraph<T> graph, Own layer, OnnxValue x) => graph.Node("Add", x, default(OnnxValue)))] }), "Add is given default(OnnxValue), which is no value; an input that it does without is OnnxValue.None.*"),
                (() => Fitted().ExportOnnx(path, options: new() { Exporters = [null!] }), "One of the Exporters is null.*"),
                (() => Fitted().ExportOnnx(path, options: new() { Exporters = null! }), "Value cannot be null. (Parameter 'options')"),
            })
            {
                export.Should().Throw<Exception>().WithMessage(message);
                File.ReadAllText(path).Should().Be("the old file");
            }

            Directory.GetFiles(Path.GetDirectoryName(path)!, $"{Path.GetFileName(path)}*").Should().ContainSingle();
            Fitted().ExportOnnx(path);
            File.ReadAllBytes(path).Should().Equal(Fitted().ToOnnx());
        }
        finally
        {
            File.Delete(path);
        }
    }

    internal static T[] Values(Tensor tensor) => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, T>(tensor.Bytes).ToArray();

    private static byte[] Bits(Layer<T> model)
    {
        using var stream = new MemoryStream();
        model.Save(stream);
        return stream.ToArray();
    }

    private sealed class Own : Layer<T>
    {
        protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass) => x;

        protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY) => dY;
    }

    /// <summary>Calls its own vector as its child's is called.</summary>
    private sealed class Dotted : Layer<T>
    {
        public Dotted()
        {
            Shift = Register(new VectorParameter<T>("f.bias", 3));
            Register("f", new Linear<T>(3, 3));
        }

        public VectorParameter<T> Shift { get; }

        protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass) => pass.Steps[0].Forward(x);

        protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY) => pass.Steps[0].Backward(dY);
    }

    private sealed class Tied : Layer<T>
    {
        public Tied(MatrixParameter<T> weight) => Weight = Register(weight);

        public MatrixParameter<T> Weight { get; }

        public override int OutputColumns(int inputColumns) => Weight.Value.RowCount;

        protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass) => x * Weight.Value.Transpose();

        protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY) => dY * Weight.Value;
    }
}

public sealed class FileDoubleTests : FileTests<double>
{
    [Fact]
    public void A_users_layer_is_written_by_its_own_exporter()
    {
        // y = x + sin²(a x) / a
        var exporter = Exporters.For((OnnxGraph<double> graph, Snake layer, OnnxValue x) =>
        {
            var (a, half) = (graph.Tensor(layer.A), graph.Constant(0.5));
            // sin² u = (1 - cos 2u) / 2
            var cos = graph.Node("Cos", graph.Node("Mul", graph.Node("Mul", graph.Constant(2), a), x));
            return graph.Node("Add", x, graph.Node("Div", graph.Node("Sub", half, graph.Node("Mul", half, cos)), a));
        });
        var model = new Sequential<double> { new Linear<double>(3, 4), new Snake(4) };
        Runtime.Agrees(model, model.ToOnnx(options: new() { Exporters = [exporter] }), Any.Matrix<double>(5, 3, 2, 3));
    }
}

public sealed class FileSingleTests : FileTests<float>;

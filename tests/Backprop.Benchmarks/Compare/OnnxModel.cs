using System.Runtime.InteropServices;
using Google.Protobuf;

namespace Backprop.Benchmarks;

/// <summary>A network as an ONNX model: Gemm, Sigmoid, Gemm ... in float, for one batch size. The fields' numbers are those of <see href="https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3">onnx.proto</see>.</summary>
internal static class OnnxModel
{
    private const int Float = 1, Opset = 18, IrVersion = 8;

    public static byte[] Of(Network network) => Message(model =>
    {
        Number(model, 1, IrVersion);
        Bytes(model, 7, Message(graph => Graph(graph, network)));
        Bytes(model, 8, Message(opset => Number(opset, 2, Opset)));
    });

    private static void Graph(CodedOutputStream graph, Network network)
    {
        var value = "x";
        var layers = network.NewModel<float>().ToArray();
        for (var i = 0; i < layers.Length; i++)
        {
            var (input, output) = (value, i == layers.Length - 1 ? "y" : $"v{i}");
            value = output;
            if (layers[i] is Linear<float> linear)
            {
                Initializer(graph, $"w{i}", RowMajor(linear), linear.OutFeatures, linear.InFeatures);
                Initializer(graph, $"b{i}", linear.Bias!.Values.ToArray(), linear.OutFeatures);
                Bytes(graph, 1, Node("Gemm", output, [input, $"w{i}", $"b{i}"], transposesB: true));
            }
            else
            {
                Bytes(graph, 1, Node("Sigmoid", output, [input], transposesB: false));
            }
        }

        Text(graph, 2, "network");
        Bytes(graph, 11, Value("x", network.Batch, network.Sizes[0]));
        Bytes(graph, 12, Value("y", network.Batch, network.Sizes[^1]));
    }

    private static float[] RowMajor(Linear<float> linear) => linear.Weight.Value.ToRowMajorArray();

    private static byte[] Node(string type, string output, string[] inputs, bool transposesB) => Message(node =>
    {
        foreach (var input in inputs) Text(node, 1, input);
        Text(node, 2, output);
        Text(node, 4, type);
        if (!transposesB) return;
        Bytes(node, 5, Message(attribute =>
        {
            Text(attribute, 1, "transB");
            Number(attribute, 3, 1);
            Number(attribute, 20, 2);       // its type: an integer
        }));
    });

    private static void Initializer(CodedOutputStream graph, string name, float[] values, params int[] shape) => Bytes(graph, 5, Message(tensor =>
    {
        foreach (var size in shape) Number(tensor, 1, size);
        Number(tensor, 2, Float);
        Text(tensor, 8, name);
        Bytes(tensor, 9, MemoryMarshal.AsBytes<float>(values).ToArray());
    }));

    private static byte[] Value(string name, int rows, int columns) => Message(value =>
    {
        Text(value, 1, name);
        Bytes(value, 2, Message(type => Bytes(type, 1, Message(tensor =>
        {
            Number(tensor, 1, Float);
            Bytes(tensor, 2, Message(shape =>
            {
                Bytes(shape, 1, Message(dimension => Number(dimension, 1, rows)));
                Bytes(shape, 1, Message(dimension => Number(dimension, 1, columns)));
            }));
        }))));
    });

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using var memory = new MemoryStream();
        using (var stream = new CodedOutputStream(memory, leaveOpen: true)) write(stream);
        return memory.ToArray();
    }

    private static void Number(CodedOutputStream stream, int field, long value)
    {
        stream.WriteTag(field, WireFormat.WireType.Varint);
        stream.WriteInt64(value);
    }

    private static void Text(CodedOutputStream stream, int field, string value)
    {
        stream.WriteTag(field, WireFormat.WireType.LengthDelimited);
        stream.WriteString(value);
    }

    private static void Bytes(CodedOutputStream stream, int field, byte[] value)
    {
        stream.WriteTag(field, WireFormat.WireType.LengthDelimited);
        stream.WriteBytes(UnsafeByteOperations.UnsafeWrap(value));
    }
}

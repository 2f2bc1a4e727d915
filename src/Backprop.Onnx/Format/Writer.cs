using System.Globalization;

namespace Backprop.Onnx;

/// <summary>Makes the bytes of a file.</summary>
internal static class Writer
{
    /// <summary>Protobuf's limit.</summary>
    public const long MostBytes = int.MaxValue;

    public static byte[] ToBytes(Model model)
    {
        var message = new Message().Add(1, model.Format).Add(2, model.Producer).Add(3, model.ProducerVersion).Add(7, Of(model.Graph)).Add(8, new Message().Add(2, model.Opset));
        foreach (var (key, value) in model.Metadata) message.Add(14, new Message().Add(1, key).Add(2, value));
        return message.Size < MostBytes
            ? message.ToArray()
            : throw new NotSupportedException(string.Create(CultureInfo.InvariantCulture, $"An ONNX file holds less than 2 GB, but this network would take {message.Size} bytes."));
    }

    private static Message Of(Graph graph)
    {
        var message = new Message();
        foreach (var node in graph.Nodes) message.Add(1, Of(node));
        message.Add(2, graph.Name);
        foreach (var tensor in graph.Tensors) message.Add(5, Of(tensor));
        foreach (var port in graph.Inputs) message.Add(11, Of(port));
        foreach (var port in graph.Outputs) message.Add(12, Of(port));
        return message;
    }

    private static Message Of(Node node)
    {
        var message = new Message();
        foreach (var input in node.Inputs) message.Add(1, input);
        foreach (var output in node.Outputs) message.Add(2, output);
        message.Add(3, node.Name).Add(4, node.Op);
        foreach (var attribute in node.Attributes) message.Add(5, Of(attribute));
        return message;
    }

    private static Message Of(OnnxSetting attribute)
    {
        var message = new Message().Add(1, attribute.Name);
        switch (attribute.Value)
        {
            case float number: return message.Add(2, number).Add(20, 1);
            case long number: return message.Add(3, number).Add(20, 2);
            case string text: return message.Add(4, text).Add(20, 3);
            case Tensor tensor: return message.Add(5, Of(tensor)).Add(20, 4);
            case Graph graph: return message.Add(6, Of(graph)).Add(20, 5);
            case long[] numbers:
                foreach (var number in numbers) message.Add(8, number);
                return message.Add(20, 7);
            case string[] texts:
                foreach (var text in texts) message.Add(9, text);
                return message.Add(20, 8);
            default: throw new InvalidOperationException($"An attribute cannot be a {attribute.Value.GetType().Name}.");
        }
    }

    private static Message Of(Tensor tensor)
    {
        var message = new Message();
        foreach (var size in tensor.Shape) message.Add(1, size);
        return message.Add(2, (long)tensor.Type).Add(8, tensor.Name).Add(9, tensor.Bytes);
    }

    private static Message Of(Port port)
    {
        var shape = new Message();
        foreach (var size in port.Shape ?? []) shape.Add(1, long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var known) ? new Message().Add(1, known) : new Message().Add(2, size));
        return new Message().Add(1, port.Name).Add(2, new Message().Add(1, new Message().Add(1, (long)port.Type).Add(2, shape)));
    }
}

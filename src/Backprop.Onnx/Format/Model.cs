namespace Backprop.Onnx;

/// <summary>A file: a graph, what version of the operators it is written with, and who wrote it.</summary>
internal sealed class Model(Graph graph)
{
    public Graph Graph { get; } = graph;

    public int Format { get; init; }

    public int Opset { get; set; }

    public string Producer { get; init; } = "";

    public string ProducerVersion { get; init; } = "";

    public List<KeyValuePair<string, string>> Metadata { get; } = [];
}

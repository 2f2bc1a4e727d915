namespace Backprop.Onnx;

/// <summary>A graph of nodes, in an order in which they can be computed.</summary>
internal sealed class Graph(string name)
{
    public string Name { get; set; } = name;

    public List<Port> Inputs { get; } = [];

    public List<Port> Outputs { get; } = [];

    public List<Node> Nodes { get; set; } = [];

    public List<Tensor> Tensors { get; } = [];
}

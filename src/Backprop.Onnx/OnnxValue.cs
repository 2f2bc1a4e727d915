namespace Backprop.Onnx;

/// <summary>A tensor of a graph that is being written: the network's input, a weight, a constant, or what a node gives.</summary>
/// <param name="Name">Its name in the file; empty for an input that a node does without.</param>
/// <param name="Columns">Where it is what a layer is given or gives, the columns of that matrix; else 0.</param>
public readonly record struct OnnxValue(string Name, int Columns = 0)
{
    /// <summary>An input that a node does without.</summary>
    public static OnnxValue None { get; } = new("");
}

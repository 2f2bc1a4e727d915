namespace Backprop.Onnx;

/// <summary>A node of a graph: an operator with inputs, outputs and settings.</summary>
internal sealed class Node(string op, string name, string domain = "")
{
    public string Op { get; } = op;

    public string Name { get; } = name;

    /// <summary>Whose operator it is; empty for ONNX's own.</summary>
    public string Domain { get; } = domain;

    public List<string> Inputs { get; } = [];

    public List<string> Outputs { get; } = [];

    public List<OnnxSetting> Attributes { get; } = [];

    /// <summary>As messages write it: <c>/0/Gemm (Gemm)</c>.</summary>
    public override string ToString() => Name.Length == 0 ? $"the {Op} that gives \"{Outputs.FirstOrDefault()}\"" : $"{Name} ({Op})";
}

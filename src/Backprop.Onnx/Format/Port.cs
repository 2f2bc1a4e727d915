namespace Backprop.Onnx;

/// <summary>An input or output of a graph.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">What the entries are.</param>
/// <param name="Shape">For each axis a size, or a name where it is not known beforehand, or an empty text; null where not even the axes are known.</param>
internal sealed record Port(string Name, OnnxType Type, string[]? Shape);

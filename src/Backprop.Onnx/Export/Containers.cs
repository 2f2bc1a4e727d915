using System.Numerics;
using static Backprop.Onnx.OnnxSetting;

namespace Backprop.Onnx;

/// <summary>Writes layers that hold layers, and those that only choose.</summary>
internal static class Containers
{
    public static IEnumerable<LayerExporter<T>> Exporters<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
    [
        Onnx.Exporters.For((OnnxGraph<T> graph, Sequential<T> layer, OnnxValue x) => layer.Children.Aggregate(x, (value, child) => graph.Export(child, value))),
        Onnx.Exporters.For((OnnxGraph<T> graph, Residual<T> layer, OnnxValue x) => graph.Add(x, graph.Export(layer.Children[0], x))),
        Onnx.Exporters.For((OnnxGraph<T> graph, Sum<T> layer, OnnxValue x) => layer.Children.Select(child => graph.Export(child, x)).Aggregate(graph.Add)),
        Onnx.Exporters.For((OnnxGraph<T> graph, Concat<T> layer, OnnxValue x) => graph.Node("Concat", [.. layer.Children.Select(child => graph.Export(child, x))], Whole("axis", 1))),
        Onnx.Exporters.For((OnnxGraph<T> graph, Columns<T> layer, OnnxValue x) => graph.Slice(x, 1, layer.Start, layer.Start + layer.Count)),
        Onnx.Exporters.For((OnnxGraph<T> graph, Identity<T> layer, OnnxValue x) => x),
        // In evaluation mode nothing is dropped.
        Onnx.Exporters.For((OnnxGraph<T> graph, Dropout<T> layer, OnnxValue x) => x),
        Onnx.Exporters.For((OnnxGraph<T> graph, Dropout2d<T> layer, OnnxValue x) => x),
    ];
}

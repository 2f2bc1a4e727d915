using System.Numerics;

namespace Backprop.Onnx;

/// <summary>Writes layers that join and split the steps of sequences, each with all its steps.</summary>
internal static class Steps
{
    public static IEnumerable<LayerExporter<T>> Exporters<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
    [
        Onnx.Exporters.For((OnnxGraph<T> graph, ToSteps<T> layer, OnnxValue x) => graph.ToMatrix(x, layer.OutputColumns(x.Columns))),
        Onnx.Exporters.For((OnnxGraph<T> graph, ToRows<T> layer, OnnxValue x) => graph.ToMatrix(x, layer.OutputColumns(x.Columns))),
        Onnx.Exporters.For((OnnxGraph<T> graph, LastStep<T> layer, OnnxValue x) =>
            graph.ToMatrix(graph.Slice(graph.Reshape(x, -1, layer.Steps, x.Columns), 1, layer.Steps - 1, layer.Steps), x.Columns)),
        Onnx.Exporters.For((OnnxGraph<T> graph, MeanOverTime<T> layer, OnnxValue x) => graph.Reduce("ReduceMean", graph.Reshape(x, -1, layer.Steps, x.Columns), keep: false, 1)),
        Onnx.Exporters.For((OnnxGraph<T> graph, MaxOverTime<T> layer, OnnxValue x) => graph.Reduce("ReduceMax", graph.Reshape(x, -1, layer.Steps, x.Columns), keep: false, 1)),
    ];
}

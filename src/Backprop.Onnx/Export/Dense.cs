using System.Numerics;
using static Backprop.Onnx.OnnxSetting;

namespace Backprop.Onnx;

/// <summary>Writes layers that are a product, and those that look up rows.</summary>
internal static class Dense
{
    public static IEnumerable<LayerExporter<T>> Exporters<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
    [
        // y = x W^T + b
        Onnx.Exporters.For((OnnxGraph<T> graph, Linear<T> layer, OnnxValue x) => graph.Linear(x, layer.Weight, layer.Bias)),
        // y = W[x]
        Onnx.Exporters.For((OnnxGraph<T> graph, Embedding<T> layer, OnnxValue x) =>
        {
            var places = graph.Node("Cast", [x], Whole("to", (long)OnnxType.Int64));
            return graph.ToMatrix(graph.Gather(graph.Tensor(layer.Weight), 0, places), layer.OutputColumns(x.Columns));
        }),
    ];
}

using System.Numerics;

namespace Backprop.Onnx;

/// <summary>Who writes what.</summary>
public static class Exporters
{
    /// <summary>An exporter of one type of layer.</summary>
    /// <param name="export">Adds what a layer computes to the graph: see <see cref="LayerExporter{T}.Export"/>.</param>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <typeparam name="TLayer">The type of the layer.</typeparam>
    /// <example><code>
    /// // y = x²
    /// var square = Exporters.For((OnnxGraph&lt;double&gt; graph, Square&lt;double&gt; layer, OnnxValue x) => graph.Node("Mul", x, x));
    /// var options = new OnnxOptions&lt;double&gt; { Exporters = [square] };
    /// </code></example>
    public static LayerExporter<T> For<T, TLayer>(Func<OnnxGraph<T>, TLayer, OnnxValue, OnnxValue> export) where T : unmanaged, IFloatingPointIeee754<T> where TLayer : Layer<T> =>
        new Exporter<T, TLayer>(Expect.NotNull(export));

    /// <summary>Those of the library's layers.</summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    public static IReadOnlyList<LayerExporter<T>> Default<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
    [
        .. Containers.Exporters<T>(), .. Dense.Exporters<T>(), .. Elementwise.Exporters<T>(), .. Normalizations.Exporters<T>(), .. Preprocessings.Exporters<T>(),
        .. Images.Exporters<T>(), .. Pools.Exporters<T>(), .. Steps.Exporters<T>(), .. Recurrences.Exporters<T>(), .. Attentions.Exporters<T>(),
    ];

    private sealed class Exporter<T, TLayer>(Func<OnnxGraph<T>, TLayer, OnnxValue, OnnxValue> export) : LayerExporter<T> where T : unmanaged, IFloatingPointIeee754<T> where TLayer : Layer<T>
    {
        public override bool Exports(Layer<T> layer) => layer is TLayer;

        public override OnnxValue Export(OnnxGraph<T> graph, Layer<T> layer, OnnxValue x) => export(graph, (TLayer)layer, x);
    }
}

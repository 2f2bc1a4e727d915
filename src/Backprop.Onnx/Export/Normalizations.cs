using System.Numerics;
using static Backprop.Onnx.OnnxSetting;

namespace Backprop.Onnx;

/// <summary>Writes normalisations, with running statistics where a layer has them. In double ε is a constant: as an attribute it would be a float.</summary>
internal static class Normalizations
{
    public static IEnumerable<LayerExporter<T>> Exporters<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
    [
        Onnx.Exporters.For<T, LayerNorm<T>>(LayerNorm),
        Onnx.Exporters.For<T, RMSNorm<T>>(RMSNorm),
        Onnx.Exporters.For((OnnxGraph<T> graph, BatchNorm1d<T> layer, OnnxValue x) => BatchNorm(graph, layer, x, [])),
        Onnx.Exporters.For((OnnxGraph<T> graph, BatchNorm2d<T> layer, OnnxValue x) =>
            graph.ToMatrix(BatchNorm(graph, layer, graph.ToChannels(x, layer.InputShape), [layer.InputShape.Channels, 1]), x.Columns)),
        Onnx.Exporters.For<T, GroupNorm<T>>(GroupNorm),
        Onnx.Exporters.For<T, InstanceNorm2d<T>>(InstanceNorm2d),
    ];

    private static OnnxValue LayerNorm<T>(OnnxGraph<T> graph, LayerNorm<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (graph.IsDouble) return graph.Affine(graph.Normalize(x, layer.Epsilon, 1), layer.Weight, layer.Bias);
        var weight = layer.Weight is null ? All(graph, 1, layer.NormalizedShape) : graph.Tensor(layer.Weight);
        return graph.Node("LayerNormalization", layer.Bias is null ? [x, weight] : [x, weight, graph.Tensor(layer.Bias)], Whole("axis", 1), Number("epsilon", layer.Epsilon));
    }

    // y = x w / sqrt(mean(x²) + eps)
    private static OnnxValue RMSNorm<T>(OnnxGraph<T> graph, RMSNorm<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var squares = graph.Reduce("ReduceMean", graph.Multiply(x, x), keep: true, 1);
        return graph.Affine(graph.Divide(x, graph.Node("Sqrt", graph.Add(squares, layer.Epsilon))), layer.Weight, null);
    }

    private static OnnxValue BatchNorm<T>(OnnxGraph<T> graph, BatchNorm<T> layer, OnnxValue x, long[] shape) where T : unmanaged, IFloatingPointIeee754<T>
    {
        // Without running statistics it takes the batch's own, in evaluation mode, too.
        if (layer.RunningMean is null) return graph.Affine(graph.Normalize(x, layer.Epsilon, shape.Length == 0 ? [0] : [0, 2]), layer.Weight, layer.Bias, shape);
        return Running(graph, x, layer.RunningMean, layer.RunningVar!, layer.Weight, layer.Bias, layer.Epsilon, layer.NumFeatures, shape);
    }

    private static OnnxValue Running<T>(OnnxGraph<T> graph, OnnxValue x, Buffer<T> mean, Buffer<T> variance, Parameter<T>? weight, Parameter<T>? bias, double epsilon, int channels, long[] shape)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (graph.IsDouble)
        {
            var deviation = graph.Node("Sqrt", graph.Add(Shaped(graph.Tensor(variance)), epsilon));
            return graph.Affine(graph.Divide(graph.Subtract(x, Shaped(graph.Tensor(mean))), deviation), weight, bias, shape);
        }

        var (scale, shift) = weight is null ? (All(graph, 1, channels), All(graph, 0, channels)) : (graph.Tensor(weight), graph.Tensor(bias!));
        return graph.Node("BatchNormalization", [x, scale, shift, graph.Tensor(mean), graph.Tensor(variance)], Number("epsilon", epsilon));

        OnnxValue Shaped(OnnxValue value) => shape.Length == 0 ? value : graph.Reshape(value, shape);
    }

    // A group's channels side by side are one channel to ONNX's InstanceNormalization.
    private static OnnxValue GroupNorm<T>(OnnxGraph<T> graph, GroupNorm<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var groups = graph.Reshape(x, -1, layer.NumGroups, layer.InputShape.Columns / layer.NumGroups);
        var normal = graph.IsDouble ? graph.Normalize(groups, layer.Epsilon, 2)
            : graph.Node("InstanceNormalization", [groups, All(graph, 1, layer.NumGroups), All(graph, 0, layer.NumGroups)], Number("epsilon", layer.Epsilon));
        if (layer.Weight is not null) normal = graph.Affine(graph.ToChannels(normal, layer.InputShape), layer.Weight, layer.Bias, layer.InputShape.Channels, 1);
        return graph.ToMatrix(normal, x.Columns);
    }

    private static OnnxValue InstanceNorm2d<T>(OnnxGraph<T> graph, InstanceNorm2d<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (channels, images) = (layer.InputShape.Channels, graph.ToChannels(x, layer.InputShape));
        long[] shape = [channels, 1];
        OnnxValue y;
        if (layer.RunningMean is not null) y = Running(graph, images, layer.RunningMean, layer.RunningVar!, layer.Weight, layer.Bias, layer.Epsilon, channels, shape);
        else if (graph.IsDouble) y = graph.Affine(graph.Normalize(images, layer.Epsilon, 2), layer.Weight, layer.Bias, shape);
        else
        {
            var (scale, shift) = layer.Weight is null ? (All(graph, 1, channels), All(graph, 0, channels)) : (graph.Tensor(layer.Weight), graph.Tensor(layer.Bias!));
            y = graph.Node("InstanceNormalization", [images, scale, shift], Number("epsilon", layer.Epsilon));
        }

        return graph.ToMatrix(y, x.Columns);
    }

    private static OnnxValue All<T>(OnnxGraph<T> graph, double value, int count) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var values = new T[count];
        values.AsSpan().Fill(T.CreateSaturating(value));
        return graph.Constant(values, count);
    }
}

using System.Numerics;
using static Backprop.Onnx.OnnxSetting;

namespace Backprop.Onnx;

/// <summary>Writes preprocessing, as it was fitted.</summary>
internal static class Preprocessings
{
    public static IEnumerable<LayerExporter<T>> Exporters<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
    [
        Onnx.Exporters.For<T, Standardize<T>>(Standardize),
        Onnx.Exporters.For<T, MinMaxScale<T>>(MinMaxScale),
        Onnx.Exporters.For<T, Impute<T>>(Impute),
        Onnx.Exporters.For<T, OneHot<T>>(OneHot),
    ];

    // y = (x - mean) / std
    private static OnnxValue Standardize<T>(OnnxGraph<T> graph, Standardize<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        RequireFitted(layer);
        return graph.Divide(graph.Subtract(x, graph.Tensor(layer.Mean)), graph.Tensor(layer.Std));
    }

    // y = a + (b - a) (x - min) / (max - min), where max - min is 1 for a column that never changes
    private static OnnxValue MinMaxScale<T>(OnnxGraph<T> graph, MinMaxScale<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        RequireFitted(layer);
        var ranges = new T[layer.NumFeatures];
        for (var j = 0; j < ranges.Length; j++) ranges[j] = layer.DataMax.Values[j] - layer.DataMin.Values[j] is var range && range == T.Zero ? T.One : range;
        var share = graph.Divide(graph.Subtract(x, graph.Tensor(layer.DataMin)), graph.Constant(ranges, ranges.Length));
        return layer is { Min: 0, Max: 1 } ? share : graph.Add(graph.Multiply(share, layer.Max - layer.Min), layer.Min);
    }

    // y = x is NaN ? fill : x, and beside it 1 where x is NaN
    private static OnnxValue Impute<T>(OnnxGraph<T> graph, Impute<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        RequireFitted(layer);
        var gaps = graph.Node("IsNaN", x);
        var filled = graph.Node("Where", gaps, graph.Tensor(layer.Fill), x);
        return layer.AddIndicator ? graph.Node("Concat", [filled, ToNumbers(graph, gaps)], Whole("axis", 1)) : filled;
    }

    // y_k = [x = k] in columns of classes, y = x in others: each column as often as it has classes, beside the class that it is compared with
    private static OnnxValue OneHot<T>(OnnxGraph<T> graph, OneHot<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sources = layer.Classes.SelectMany((count, column) => Enumerable.Repeat((long)column, int.Max(count, 1))).ToArray();
        var classes = layer.Classes.SelectMany(count => count == 0 ? [T.NaN] : Enumerable.Range(0, count).Select(T.CreateChecked)).ToArray();
        var columns = graph.Gather(x, 1, graph.Integers(sources));
        var compared = graph.Constant(classes, classes.Length);
        var indicators = ToNumbers(graph, graph.Node("Equal", columns, compared));
        return layer.Classes.Contains(0) ? graph.Node("Where", graph.Node("IsNaN", compared), columns, indicators) : indicators;
    }

    private static OnnxValue ToNumbers<T>(OnnxGraph<T> graph, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T> => graph.Node("Cast", [x], Whole("to", (long)OnnxGraph<T>.Type));

    private static void RequireFitted<T>(Preprocessing<T> layer) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (!layer.IsFitted) throw new InvalidOperationException($"{layer} expects to be fitted before it is exported, but is not: call Fit or FitPreprocessing with training samples, or Load a file.");
    }
}

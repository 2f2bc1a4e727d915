using System.Numerics;
using static Backprop.Onnx.OnnxSetting;

namespace Backprop.Onnx;

/// <summary>Writes attention, and what tells it the order of the steps. As here, fewer rows than a sequence has are one that is shorter.</summary>
internal static class Attentions
{
    public static IEnumerable<LayerExporter<T>> Exporters<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
    [
        Onnx.Exporters.For<T, ScaledDotProductAttention<T>>(ScaledDotProductAttention),
        // y = attention(x W^T + b) W_o^T + b_o
        Onnx.Exporters.For((OnnxGraph<T> graph, MultiheadAttention<T> layer, OnnxValue x) =>
            graph.Export(Child(layer, "out_proj"), graph.Export(Child(layer, "attention"), graph.Linear(x, layer.InProjWeight, layer.InProjBias) with { Columns = 3 * layer.EmbedDim }))),
        // y = x + P[t]
        Onnx.Exporters.For((OnnxGraph<T> graph, PositionalEmbedding<T> layer, OnnxValue x) => AddPositions(graph, x, graph.Tensor(layer.Weight), layer.MaxSteps)),
        Onnx.Exporters.For((OnnxGraph<T> graph, SinusoidalPositions<T> layer, OnnxValue x) => AddPositions(graph, x, Waves(graph, layer), layer.MaxSteps)),
        Onnx.Exporters.For<T, TransformerEncoderLayer<T>>(TransformerEncoderLayer),
    ];

    private static OnnxValue TransformerEncoderLayer<T>(OnnxGraph<T> graph, TransformerEncoderLayer<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        // h = x + a(norm1(x)), y = h + f(norm2(h)); or h = norm1(x + a(x)), y = norm2(h + f(h))
        string[] attention = ["self_attn", "dropout1"], feedforward = ["linear1", "activation", "dropout", "linear2", "dropout2"];
        if (layer.NormFirst)
        {
            var sum = Plus(x, Through(x, ["norm1", .. attention]));
            return Plus(sum, Through(sum, ["norm2", .. feedforward]));
        }

        var h = Through(Plus(x, Through(x, attention)), ["norm1"]);
        return Through(Plus(h, Through(h, feedforward)), ["norm2"]);

        OnnxValue Through(OnnxValue value, string[] names) => names.Aggregate(value, (at, name) => graph.Export(Child(layer, name), at));

        OnnxValue Plus(OnnxValue a, OnnxValue b) => graph.Add(a, b) with { Columns = a.Columns };
    }

    // A = softmax(Q K^T / √d), y = A V, in each head
    private static OnnxValue ScaledDotProductAttention<T>(OnnxGraph<T> graph, ScaledDotProductAttention<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (steps, heads, width) = (StepsOf(graph, x, layer.MaxSteps), layer.NumHeads, layer.HeadDim);
        var shape = graph.Node("Concat", [graph.Integers(-1), steps, graph.Integers(3, heads, width)], Whole("axis", 0));
        // (sequences, steps, 3, heads, width) to (3, sequences, heads, steps, width)
        var all = graph.Transpose(graph.Node("Reshape", x, shape), 2, 0, 3, 1, 4);
        OnnxValue q = Turned(Part(0)), k = Turned(Part(1)), v = Part(2);
        // A factor for each column and not one for all: that one ONNX Runtime would make a setting of the product, and so a float.
        if (width > 1) q = graph.Multiply(q, graph.Constant([.. Enumerable.Repeat(T.CreateChecked(1 / Math.Sqrt(width)), width)], width));
        var scores = graph.Node("MatMul", q, graph.Transpose(k, 0, 1, 3, 2));
        if (layer.Causal) scores = graph.Add(scores, Later(graph, steps));
        var mixed = graph.Node("MatMul", graph.Node("Softmax", [scores], Whole("axis", 3)), v);
        return graph.ToMatrix(graph.Transpose(mixed, 0, 2, 1, 3), layer.EmbedDim);

        OnnxValue Part(int part) => graph.Gather(all, 0, graph.Place(part));

        OnnxValue UpTo(OnnxValue table, long axis) => graph.Slice(table, axis, graph.Integers(0), steps);

        // (a, b) to (a cos - b sin, a sin + b cos), each pair of columns by the angle of its step
        OnnxValue Turned(OnnxValue part)
        {
            if (layer.RotaryBase is not double rotaryBase) return part;
            var (cos, sin) = Angles(graph, layer.MaxSteps, width, rotaryBase);
            var swapped = graph.Gather(part, 3, graph.Integers([.. Enumerable.Range(0, width).Select(j => (long)(j ^ 1))]));
            return graph.Add(graph.Multiply(part, UpTo(cos, 0)), graph.Multiply(swapped, UpTo(sin, 0)));
        }
    }

    private static (OnnxValue Cos, OnnxValue Sin) Angles<T>(OnnxGraph<T> graph, int steps, int width, double rotaryBase) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (cos, sin) = (new T[steps * width], new T[steps * width]);
        for (var t = 0; t < steps; t++)
            for (var j = 0; j < width; j++)
            {
                var angle = t * Math.Pow(rotaryBase, -2.0 * (j / 2) / width);
                (cos[t * width + j], sin[t * width + j]) = (T.CreateChecked(Math.Cos(angle)), T.CreateChecked(j % 2 == 0 ? -Math.Sin(angle) : Math.Sin(angle)));
            }

        return (graph.Constant(cos, steps, width), graph.Constant(sin, steps, width));
    }

    /// <summary>-∞ where a key is later than the query, else 0; made in the graph, where a table would take as many numbers as steps squared.</summary>
    private static OnnxValue Later<T>(OnnxGraph<T> graph, OnnxValue steps) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var keys = graph.Node("Range", graph.Place(0), graph.Node("Squeeze", steps, graph.Integers(0)), graph.Place(1));
        return graph.Node("Where", graph.Node("Greater", keys, graph.Reshape(keys, -1, 1)), graph.Constant(double.NegativeInfinity), graph.Constant(0));
    }

    private static OnnxValue AddPositions<T>(OnnxGraph<T> graph, OnnxValue x, OnnxValue table, int maxSteps) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var steps = StepsOf(graph, x, maxSteps);
        var shape = graph.Node("Concat", [graph.Integers(-1), steps, graph.Integers(x.Columns)], Whole("axis", 0));
        return graph.ToMatrix(graph.Add(graph.Node("Reshape", x, shape), graph.Slice(table, 0, graph.Integers(0), steps)), x.Columns);
    }

    private static OnnxValue Waves<T>(OnnxGraph<T> graph, SinusoidalPositions<T> layer) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var table = new T[layer.MaxSteps * layer.EmbedDim];
        for (var t = 0; t < layer.MaxSteps; t++)
            for (var j = 0; j < layer.EmbedDim; j++)
            {
                // P[t, 2 i] = sin(t b^(-2 i / e))      P[t, 2 i + 1] = cos(t b^(-2 i / e))
                var angle = t * Math.Pow(layer.WaveBase, -2.0 * (j / 2) / layer.EmbedDim);
                table[t * layer.EmbedDim + j] = T.CreateChecked(j % 2 == 0 ? Math.Sin(angle) : Math.Cos(angle));
            }

        return graph.Constant(table, layer.MaxSteps, layer.EmbedDim);
    }

    /// <summary>How many rows a sequence has: those of the whole matrix, where they are fewer.</summary>
    private static OnnxValue StepsOf<T>(OnnxGraph<T> graph, OnnxValue x, int maxSteps) where T : unmanaged, IFloatingPointIeee754<T> =>
        graph.Node("Min", graph.Slice(graph.Node("Shape", x), 0, 0, 1), graph.Integers(maxSteps));

    private static NamedLayer<T> Child<T>(Layer<T> layer, string name) where T : unmanaged, IFloatingPointIeee754<T> => layer.Children.First(child => child.Name == name);
}

using System.Numerics;
using static Backprop.Onnx.OnnxSetting;

namespace Backprop.Onnx;

/// <summary>
/// Writes recurrent layers, whose states begin with 0. In float they are ONNX's own, with the gates in its order; in double, which ONNX Runtime has none of, a Scan goes through the steps.
/// </summary>
internal static class Recurrences
{
    public static IEnumerable<LayerExporter<T>> Exporters<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
    [
        Onnx.Exporters.For((OnnxGraph<T> graph, RNN<T> layer, OnnxValue x) =>
        {
            var (isReLU, directions) = (layer.Nonlinearity == RecurrentNonlinearity.ReLU, layer.Bidirectional ? 2 : 1);
            return Export(graph, layer, x, "RNN", [0], false, body => graph.Node(isReLU ? "Relu" : "Tanh", graph.Add(body.A, body.Q)), Texts("activations", [.. Enumerable.Repeat(isReLU ? "Relu" : "Tanh", directions)]));
        }),
        // Ours are r, z, n; ONNX's z, r, n.
        Onnx.Exporters.For((OnnxGraph<T> graph, GRU<T> layer, OnnxValue x) => Export(graph, layer, x, "GRU", [1, 0, 2], false, body => GRUStep(graph, body), Whole("linear_before_reset", 1))),
        // Ours are i, f, g, o; ONNX's i, o, f, g.
        Onnx.Exporters.For((OnnxGraph<T> graph, LSTM<T> layer, OnnxValue x) => Export(graph, layer, x, "LSTM", [0, 3, 1, 2], true, body => LSTMStep(graph, body))),
    ];

    /// <summary>What a step knows: a = x W_ih^T + b_ih and q = h W_hh^T + b_hh, h and, where there is one, c, which it sets.</summary>
    private sealed class Step(OnnxValue a, OnnxValue q, OnnxValue h, OnnxValue c, int units)
    {
        public OnnxValue A { get; } = a;

        public OnnxValue Q { get; } = q;

        public OnnxValue H { get; } = h;

        public OnnxValue C { get; set; } = c;

        public int Units { get; } = units;
    }

    private static OnnxValue Export<T>(OnnxGraph<T> graph, Recurrent<T> layer, OnnxValue x, string op, int[] gates, bool hasCell, Func<Step, OnnxValue> step, params OnnxSetting[] attributes)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (directions, units) = (layer.Bidirectional ? 2 : 1, layer.HiddenSize);
        // (sequences, steps, columns) to (steps, sequences, columns) and back
        var sequence = graph.Transpose(graph.Reshape(x, -1, layer.Steps, x.Columns), 1, 0, 2);
        for (var level = 0; level < layer.NumLayers; level++)
        {
            var tracks = Enumerable.Range(level * directions, directions).ToArray();
            if (graph.IsDouble)
            {
                var outputs = tracks.Select((track, direction) => Scan(graph, layer, sequence, track, direction == 1, hasCell, step)).ToArray();
                sequence = outputs.Length == 1 ? outputs[0] : graph.Node("Concat", outputs, Whole("axis", 2));
                continue;
            }

            var w = Join(tracks.Select(track => Ordered(layer.WeightsIH[track], 1, gates.Length * units, layer.WeightsIH[track].Value.ColumnCount)));
            var r = Join(tracks.Select(track => Ordered(layer.WeightsHH[track], 1, gates.Length * units, units)));
            var b = layer.BiasesIH.Count == 0 ? OnnxValue.None
                : Join(tracks.Select(track => graph.Node("Concat", [Ordered(layer.BiasesIH[track], 1, gates.Length * units), Ordered(layer.BiasesHH[track], 1, gates.Length * units)], Whole("axis", 1))));
            var y = graph.Node(op, [sequence, w, r, b], [Whole("hidden_size", units), Text("direction", directions == 1 ? "forward" : "bidirectional"), .. attributes]);
            // (steps, directions, sequences, units) to (steps, sequences, directions units)
            sequence = graph.Reshape(graph.Transpose(y, 0, 2, 1, 3), layer.Steps, -1, directions * units);
        }

        return graph.ToMatrix(graph.Transpose(sequence, 1, 0, 2), directions * units);

        OnnxValue Join(IEnumerable<OnnxValue> ofDirections) => ofDirections.ToArray() is var all && all.Length == 1 ? all[0] : graph.Node("Concat", all, Whole("axis", 0));

        OnnxValue Ordered(Parameter<T> parameter, params long[] shape)
        {
            long[] rows = [.. gates.SelectMany(gate => Enumerable.Range(gate * units, units).Select(row => (long)row))];
            return graph.Reshape(gates.Length == 1 ? graph.Tensor(parameter) : graph.Gather(graph.Tensor(parameter), 0, graph.Integers(rows)), shape);
        }
    }

    /// <summary>All steps of one direction: (steps, sequences, columns) to (steps, sequences, units).</summary>
    private static OnnxValue Scan<T>(OnnxGraph<T> graph, Recurrent<T> layer, OnnxValue sequence, int track, bool reverse, bool hasCell, Func<Step, OnnxValue> step) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (units, hasBias, type) = (layer.HiddenSize, layer.BiasesIH.Count > 0, OnnxGraph<T>.Type);
        // a = x W_ih^T + b_ih of all steps at once
        var a = graph.Node("MatMul", sequence, graph.Transpose(graph.Tensor(layer.WeightsIH[track]), 1, 0));
        if (hasBias) a = graph.Add(a, graph.Tensor(layer.BiasesIH[track]));
        var shape = graph.Node("Concat", [graph.Slice(graph.Node("Shape", sequence), 0, 1, 2), graph.Integers(units)], Whole("axis", 0));
        var zeros = graph.Node("ConstantOfShape", [shape], new OnnxSetting("value", new Tensor("", type, [1], new byte[Tensor.SizeOf(type)])));
        Parameter<T> ofStates = layer.WeightsHH[track];
        graph.Tensor(ofStates);
        if (hasBias) graph.Tensor(layer.BiasesHH[track]);

        var body = graph.Body(inner =>
        {
            OnnxValue h = Input("h", units), c = hasCell ? Input("c", units) : OnnxValue.None, x = Input("a", layer.WeightsIH[track].Value.RowCount);
            var state = new Step(x, graph.Linear(h, ofStates, hasBias ? layer.BiasesHH[track] : null), h, c, units);
            var next = step(state);
            Output(next);
            if (hasCell) Output(state.C);
            Output(graph.Node("Identity", next));

            OnnxValue Input(string name, int columns)
            {
                inner.Inputs.Add(new(graph.NewName($"{inner.Name}/{name}"), type, ["sequences", Signature.Number(columns)]));
                return new(inner.Inputs[^1].Name);
            }

            void Output(OnnxValue value) => inner.Outputs.Add(new(value.Name, type, ["sequences", Signature.Number(units)]));
        });
        var direction = reverse ? 1 : 0;
        return graph.NodeWithOutputs("Scan", hasCell ? 3 : 2, hasCell ? [zeros, zeros, a] : [zeros, a],
            new OnnxSetting("body", body), Whole("num_scan_inputs", 1), Wholes("scan_input_directions", direction), Wholes("scan_output_directions", direction))[^1];
    }

    private static OnnxValue GRUStep<T>(OnnxGraph<T> graph, Step at) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (both, units) = (graph.Node("Sigmoid", graph.Add(graph.Slice(at.A, 1, 0, 2 * at.Units), graph.Slice(at.Q, 1, 0, 2 * at.Units))), at.Units);
        OnnxValue r = graph.Slice(both, 1, 0, units), z = graph.Slice(both, 1, units, 2 * units);
        // n = tanh(a_n + r q_n)      h_t = n + z (h_(t-1) - n)
        var n = graph.Node("Tanh", graph.Add(graph.Slice(at.A, 1, 2 * units, 3 * units), graph.Multiply(r, graph.Slice(at.Q, 1, 2 * units, 3 * units))));
        return graph.Add(n, graph.Multiply(z, graph.Subtract(at.H, n)));
    }

    private static OnnxValue LSTMStep<T>(OnnxGraph<T> graph, Step at) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (sum, units) = (graph.Add(at.A, at.Q), at.Units);
        OnnxValue i = Gate("Sigmoid", 0), f = Gate("Sigmoid", 1), g = Gate("Tanh", 2), o = Gate("Sigmoid", 3);
        // c_t = f c_(t-1) + i g      h_t = o tanh(c_t)
        at.C = graph.Add(graph.Multiply(f, at.C), graph.Multiply(i, g));
        return graph.Multiply(o, graph.Node("Tanh", at.C));

        OnnxValue Gate(string op, int gate) => graph.Node(op, graph.Slice(sum, 1, gate * units, (gate + 1) * units));
    }
}

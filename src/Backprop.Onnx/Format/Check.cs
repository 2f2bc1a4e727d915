namespace Backprop.Onnx;

/// <summary>What holds in every graph: each value is given once, before it is used, and every output is given by somebody.</summary>
internal static class Check
{
    /// <summary>Refuses a model that does not fit together.</summary>
    /// <exception cref="InvalidDataException">It does not.</exception>
    public static void Of(Model model) => Of(model.Graph, new(StringComparer.Ordinal));

    // Within a graph of a node, the values around it are known, too; none may be given again.
    private static void Of(Graph graph, HashSet<string> known)
    {
        var (own, inputs) = (new List<string>(), graph.Inputs.Select(port => port.Name).ToHashSet(StringComparer.Ordinal));
        foreach (var port in graph.Inputs) Give(port.Name, "input");
        // A tensor may stand among the inputs as well, as its value where none is given.
        foreach (var group in graph.Tensors.GroupBy(tensor => tensor.Name))
        {
            if (group.Skip(1).Any()) throw Reader.Bad($"has two tensors \"{group.Key}\"");
            if (!inputs.Contains(group.Key)) Give(group.Key, "tensor");
        }

        foreach (var node in graph.Nodes)
        {
            foreach (var input in node.Inputs)
                if (input.Length > 0 && !known.Contains(input)) throw Reader.Bad($"uses \"{input}\" in {node} before anything gives it");
            foreach (var attribute in node.Attributes)
                if (attribute.Value is Graph body) Of(body, known);
            foreach (var output in node.Outputs)
                if (output.Length > 0) Give(output, "value");
        }

        if (graph.Outputs.Count == 0) throw Reader.Bad("has a graph without outputs");
        foreach (var port in graph.Outputs)
            if (!known.Contains(port.Name)) throw Reader.Bad($"has an output \"{port.Name}\" that nothing gives");
        known.ExceptWith(own);

        void Give(string name, string what)
        {
            if (name.Length == 0 || !known.Add(name)) throw Reader.Bad(name.Length == 0 ? $"has {(what == "input" ? "an" : "a")} {what} without a name" : $"gives the {what} \"{name}\" twice");
            own.Add(name);
        }
    }
}

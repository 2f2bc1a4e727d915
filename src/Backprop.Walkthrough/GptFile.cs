using System.Numerics;

namespace Backprop.Walkthrough;

/// <summary>GPT-2's own files, as they are published: names without or with <c>transformer.</c> before them, and the weights of its linear layers the other way round, in x out.</summary>
internal static class GptFile
{
    private static readonly string[] Turned = ["attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight"];

    /// <summary>Reads a model whose sizes the file says, but for the heads.</summary>
    /// <exception cref="InvalidDataException">The file is not valid, or no GPT-2.</exception>
    public static Sequential<T> Read<T>(string path, int heads) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var file = SafeTensorsReader.Open(path);
        var prefix = file.Entries.Any(entry => entry.Name == "transformer.wte.weight") ? "transformer." : "";
        long[] words = ShapeOf("wte.weight", 2), places = ShapeOf("wpe.weight", 2);
        var layers = 0;
        while (file.TryGetEntry($"{prefix}h.{layers}.ln_1.weight", out _)) layers++;
        var sizes = new GptSizes((int)words[0], (int)places[0], (int)words[1], heads, layers);
        var generator = new Generator(0);
        var model = Gpt.Create<T>(sizes, 0, generator, generator);
        // Everything is looked at before anything is read. What is tied stands in the file once.
        var parameters = model.NamedParameters().Where(named => named.Name != "lm_head.weight").ToArray();
        foreach (var (name, parameter) in parameters)
        {
            var expected = parameter.Shape.Select(size => (long)size);
            var shape = ShapeOf(name, parameter.Shape.Count);
            if (!shape.SequenceEqual(IsTurned(name) ? expected.Reverse() : expected))
                throw new InvalidDataException($"{path} is no GPT-2 that fits: {prefix}{name} is {string.Join(" x ", shape)}, not {string.Join(" x ", IsTurned(name) ? expected.Reverse() : expected)}.");
        }

        foreach (var (name, parameter) in parameters)
        {
            // In x out, row after row, is out x in, column after column.
            if (IsTurned(name) || parameter.Shape.Count == 1) file.Read(prefix + name, parameter.Values, convert: true);
            else file.ReadColumnMajor(prefix + name, parameter.Values, convert: true);
        }

        return model;

        long[] ShapeOf(string name, int dimensions) => file.TryGetEntry(prefix + name, out var entry) && entry.Shape.Count == dimensions
            ? [.. entry.Shape]
            : throw new InvalidDataException($"{path} is no GPT-2: it has no {prefix}{name} of {dimensions} dimension{(dimensions == 1 ? "" : "s")}.");
    }

    private static bool IsTurned(string name) => Turned.Any(ending => name.EndsWith(ending, StringComparison.Ordinal));
}

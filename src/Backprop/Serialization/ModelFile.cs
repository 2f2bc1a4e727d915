using System.Numerics;

namespace Backprop;

/// <summary>Saves what a model has learned, and loads it back: a safetensors file with PyTorch's <c>state_dict</c> names and shapes.</summary>
/// <remarks>
/// In Python: <c>model.load_state_dict(safetensors.torch.load_file("model.safetensors"))</c>, and <c>safetensors.torch.save_file(model.state_dict(), ...)</c> the other way.
/// </remarks>
public static class ModelFile
{
    /// <summary>Saves all parameters and buffers. The file is replaced as a whole or not at all.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The file could not be written; what was there before still is.</exception>
    public static void Save<T>(this Layer<T> model, string path) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(model);
        var file = new SafeTensorsWriter();
        file.AddMetadata("format", "pt");
        ModelState.Add(file, "", model);
        file.Save(path);
    }

    /// <summary>Loads all parameters and buffers. Nothing changes unless the whole file fits.</summary>
    /// <param name="model">The model, built as the one that was saved.</param>
    /// <param name="path">The file.</param>
    /// <param name="strict">Whether names that one side lacks are an error; false loads what both have.</param>
    /// <param name="convert">Whether a file in float may be loaded into a model in double (exactly) and the other way (rounded).</param>
    /// <exception cref="InvalidDataException">The file is not valid, or does not fit; one message lists all that is missing, unexpected, or of another shape or type.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    public static void Load<T>(this Layer<T> model, string path, bool strict = true, bool convert = false) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(model);
        using var file = SafeTensorsReader.Open(path);
        ModelState.Check(file, "", model, strict, convert, $"The file does not fit {model}");
        ModelState.Read(file, "", model, convert);
    }
}

/// <summary>A model's parameters and buffers as entries of a file, below a prefix.</summary>
internal static class ModelState
{
    private readonly record struct Entry<T>(string Name, long[] Shape, T[]? Values, CounterBuffer<T>? Counter) where T : unmanaged, IFloatingPointIeee754<T>
    {
        public SafeTensorsType? Type => Counter is null ? SafeTensorsTypes.Of<T>() : SafeTensorsType.I64;
    }

    internal static void Add<T>(SafeTensorsWriter file, string prefix, Layer<T> model) where T : unmanaged, IFloatingPointIeee754<T>
    {
        foreach (var entry in Entries(model))
        {
            if (entry.Counter is not null) file.Add(prefix + entry.Name, [], new[] { entry.Counter.Value });
            else file.AddColumnMajor(prefix + entry.Name, entry.Shape, entry.Values!);
        }
    }

    /// <summary>Says in one message all that does not fit.</summary>
    internal static void Check<T>(SafeTensorsReader file, string prefix, Layer<T> model, bool strict, bool convert, string subject) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var problems = new List<string>();
        var expected = Entries(model).ToDictionary(entry => prefix + entry.Name);
        foreach (var (name, entry) in expected)
        {
            if (!file.TryGetEntry(name, out var found))
            {
                if (strict) problems.Add($"missing: {name} ({string.Join(", ", entry.Shape)})");
                continue;
            }

            if (!found.Shape.SequenceEqual(entry.Shape))
                problems.Add($"wrong shape: {name} is ({string.Join(", ", found.Shape)}), but ({string.Join(", ", entry.Shape)}) is expected");
            var converts = convert && SafeTensorsTypes.IsFloating(found.Type) && SafeTensorsTypes.IsFloating(entry.Type);
            if (found.Type != entry.Type && !converts)
                problems.Add($"wrong type: {name} is {found.Type}, but {entry.Type} is expected{(SafeTensorsTypes.IsFloating(found.Type) && SafeTensorsTypes.IsFloating(entry.Type) ? "; ask for a conversion" : "")}");
        }

        if (strict)
            problems.AddRange(file.Entries.Where(entry => entry.Name.StartsWith(prefix, StringComparison.Ordinal) && !expected.ContainsKey(entry.Name)).Select(entry => $"unexpected: {entry.Name}"));
        if (problems.Count > 0) throw new InvalidDataException($"{subject}:\n  {string.Join("\n  ", problems)}");
    }

    /// <summary>Reads what was checked, straight into the model.</summary>
    internal static void Read<T>(SafeTensorsReader file, string prefix, Layer<T> model, bool convert) where T : unmanaged, IFloatingPointIeee754<T>
    {
        foreach (var entry in Entries(model))
        {
            var name = prefix + entry.Name;
            if (!file.TryGetEntry(name, out _)) continue;
            if (entry.Counter is not null)
            {
                var count = new long[1];
                file.Read(name, count.AsSpan());
                entry.Counter.Value = count[0];
            }
            else
            {
                file.ReadColumnMajor(name, entry.Values.AsSpan(), convert);
            }
        }
    }

    private static IEnumerable<Entry<T>> Entries<T>(Layer<T> model) where T : unmanaged, IFloatingPointIeee754<T> =>
        model.NamedParameters().Select(named => new Entry<T>(named.Name, Sizes(named.Parameter.Shape), named.Parameter.ValueArray, null))
            .Concat(model.NamedBuffers().Select(named => named.Buffer is CounterBuffer<T> counter
                ? new Entry<T>(named.Name, [], null, counter)
                : new Entry<T>(named.Name, Sizes(named.Buffer.Shape), ((VectorBuffer<T>)named.Buffer).Value.AsArray(), null)));

    private static long[] Sizes(IReadOnlyList<int> shape) => [.. shape.Select(size => (long)size)];
}

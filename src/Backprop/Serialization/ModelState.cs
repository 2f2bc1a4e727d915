using System.Numerics;

namespace Backprop;

/// <summary>What a model knows, by PyTorch's names: the values of its parameters and buffers, or a copy of them.</summary>
internal sealed class ModelState<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Entry[] _entries;

    private ModelState(IEnumerable<Entry> entries) => _entries = [.. entries];

    /// <summary>Values, column after column; or a count.</summary>
    private readonly record struct Entry(string Name, long[] Shape, T[] Values, bool IsMatrix, CounterBuffer<T>? Counter)
    {
        public SafeTensorsType Type => Counter is null ? SafeTensorsTypes.Of<T>()!.Value : SafeTensorsType.I64;
    }

    /// <summary>The model's own values.</summary>
    internal static ModelState<T> Of(Layer<T> model) => new(
        model.NamedParameters().Select(named => new Entry(named.Name, Sizes(named.Parameter.Shape), named.Parameter.ValueArray, named.Parameter is MatrixParameter<T>, null))
            .Concat(model.NamedBuffers().Select(named =>
                new Entry(named.Name, Sizes(named.Buffer.Shape), named.Buffer.ValueArray, named.Buffer is MatrixBuffer<T>, named.Buffer as CounterBuffer<T>))));

    internal ModelState<T> Copy() => new(_entries.Select(entry => entry with
    {
        Values = [.. entry.Values],
        Counter = entry.Counter is null ? null : new CounterBuffer<T>(entry.Counter.Name) { Value = entry.Counter.Value },
    }));

    /// <summary>Copies all values to a state of the same model.</summary>
    internal void CopyTo(ModelState<T> other)
    {
        for (var i = 0; i < _entries.Length; i++)
        {
            _entries[i].Values.CopyTo(other._entries[i].Values, 0);
            if (_entries[i].Counter is { } counter) other._entries[i].Counter!.Value = counter.Value;
        }
    }

    internal void AddTo(SafeTensorsWriter file, string prefix)
    {
        foreach (var entry in _entries)
        {
            if (entry.IsMatrix) file.AddColumnMajor(prefix + entry.Name, entry.Shape, entry.Values);
            else if (entry.Counter is null) file.Add(prefix + entry.Name, entry.Shape, entry.Values);
            else file.Add(prefix + entry.Name, [], new[] { entry.Counter.Value });
        }
    }

    /// <summary>Says in one message all that does not fit.</summary>
    /// <exception cref="InvalidDataException">Something does not.</exception>
    internal void Check(SafeTensorsReader file, string prefix, string subject, bool strict = true, bool convert = false)
    {
        var problems = new List<string>();
        foreach (var entry in _entries)
        {
            var name = prefix + entry.Name;
            if (!file.TryGetEntry(name, out var found))
            {
                if (strict) problems.Add($"missing: {name} {Text(entry.Shape)}");
                continue;
            }

            if (!found.Shape.SequenceEqual(entry.Shape)) problems.Add($"wrong shape: {name} is {Text(found.Shape)} in the file and {Text(entry.Shape)} here");
            var convertible = SafeTensorsTypes.IsFloating(found.Type) && SafeTensorsTypes.IsFloating(entry.Type);
            if (found.Type != entry.Type && !(convert && convertible))
                problems.Add($"wrong type: {name} is {found.Type} in the file and {entry.Type} here{(convertible ? "; convert: true converts it" : "")}");
        }

        if (strict)
        {
            var known = _entries.Select(entry => prefix + entry.Name).ToHashSet();
            problems.AddRange(file.Entries.Where(entry => entry.Name.StartsWith(prefix, StringComparison.Ordinal) && !known.Contains(entry.Name)).Select(entry => $"unexpected: {entry.Name} {Text(entry.Shape)}"));
        }

        if (problems.Count > 0) throw new InvalidDataException($"{subject}:\n  {string.Join("\n  ", problems)}");
    }

    /// <summary>Reads what was checked.</summary>
    internal void Read(SafeTensorsReader file, string prefix, bool convert = false)
    {
        foreach (var entry in _entries)
        {
            var name = prefix + entry.Name;
            if (!file.TryGetEntry(name, out _)) continue;
            if (entry.Counter is null)
            {
                if (entry.IsMatrix) file.ReadColumnMajor(name, entry.Values.AsSpan(), convert);
                else file.Read(name, entry.Values.AsSpan(), convert);
                continue;
            }

            var count = new long[1];
            file.Read(name, count.AsSpan());
            entry.Counter.Value = count[0];
        }
    }

    private static long[] Sizes(IReadOnlyList<int> shape) => [.. shape.Select(size => (long)size)];

    private static string Text(IReadOnlyList<long> shape) => $"({string.Join(", ", shape)})";
}

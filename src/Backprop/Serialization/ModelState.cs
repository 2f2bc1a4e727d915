using System.Numerics;
using System.Runtime.InteropServices;

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

    /// <summary>Whether the other is one of a model with the same names and sizes.</summary>
    internal bool Fits(ModelState<T> other) => _entries.Select(entry => (entry.Name, entry.Values.Length)).SequenceEqual(other._entries.Select(entry => (entry.Name, entry.Values.Length)));

    /// <summary>Whether the other one fits and holds the same bits.</summary>
    internal bool HasBitsOf(ModelState<T> other) => Fits(other) && _entries.Zip(other._entries).All(pair => pair.First.Counter?.Value == pair.Second.Counter?.Value
        && MemoryMarshal.AsBytes<T>(pair.First.Values).SequenceEqual(MemoryMarshal.AsBytes<T>(pair.Second.Values)));

    /// <param name="file">The file to be.</param>
    /// <param name="prefix">What comes before the names.</param>
    /// <param name="storeAs">What floating-point values are stored as; counts stay what they are.</param>
    internal void AddTo(SafeTensorsWriter file, string prefix, SafeTensorsType? storeAs = null)
    {
        foreach (var entry in _entries)
        {
            if (entry.IsMatrix) file.AddColumnMajor(prefix + entry.Name, entry.Shape, entry.Values, storeAs);
            else if (entry.Counter is null) file.Add(prefix + entry.Name, entry.Shape, entry.Values, storeAs);
            else file.Add(prefix + entry.Name, [], new[] { entry.Counter.Value });
        }
    }

    /// <summary>Says in one message all that does not fit.</summary>
    /// <returns>What both have, and what one side lacks.</returns>
    /// <exception cref="InvalidDataException">Something does not fit.</exception>
    internal LoadReport Check(SafeTensorsReader file, TensorNames names, string subject, bool strict = true, bool convert = false)
    {
        var (loaded, missing, problems) = (new List<string>(), new List<string>(), names.Clashes.ToList());
        foreach (var entry in _entries)
        {
            var name = names.There(entry.Name);
            if (!names.Entries.TryGetValue(entry.Name, out var found))
            {
                missing.Add(entry.Name);
                if (strict) problems.Add($"missing: {name} {Text(entry.Shape)}");
                continue;
            }

            loaded.Add(entry.Name);
            var before = problems.Count;
            if (!found.Shape.SequenceEqual(entry.Shape)) problems.Add($"wrong shape: {name} is {Text(found.Shape)} in the file and {Text(entry.Shape)} here");
            var convertible = SafeTensorsTypes.AreConvertible(found.Type, entry.Type);
            if (found.Type != entry.Type && !(convert && convertible))
                problems.Add($"wrong type: {name} is {found.Type} in the file and {entry.Type} here{(convertible ? "; convert: true converts it" : "")}");
            if (problems.Count == before && file.FindBeyond<T>(found) is string value) problems.Add($"out of range: {name} {value}");
        }

        var known = _entries.Select(entry => entry.Name).ToHashSet();
        var unexpected = names.Entries.Where(named => !known.Contains(named.Key)).ToList();
        if (strict) problems.AddRange(unexpected.Select(named => $"unexpected: {named.Value.Name} {Text(named.Value.Shape)}"));
        // That nothing was loaded is hardly meant, however little is asked for.
        if (loaded.Count == 0 && missing.Count > 0)
        {
            if (!strict) problems.Add($"nothing fits: no name there is one of the model's, the first of which is {names.There(missing[0])}");
            if (names.Hint(missing[0]) is string hint) problems.Add(hint);
        }

        if (problems.Count == 0) problems.AddRange(Contradictions(file, names));
        if (problems.Count > 0) throw new InvalidDataException($"{subject}:\n  {string.Join("\n  ", problems)}");
        return new(loaded, missing, [.. unexpected.Select(named => named.Key)]);
    }

    /// <summary>Reads what was checked.</summary>
    internal void Read(SafeTensorsReader file, TensorNames names)
    {
        foreach (var entry in _entries)
        {
            if (!names.Entries.TryGetValue(entry.Name, out var found)) continue;
            if (entry.Counter is null)
            {
                file.ReadUnchecked<T>(found, entry.Values, entry.IsMatrix);
                continue;
            }

            var count = new long[1];
            file.Read(found.Name, count.AsSpan());
            entry.Counter.Value = count[0];
        }
    }

    /// <summary>What stands in several places here, and is there with different values: one of them would be lost.</summary>
    private IEnumerable<string> Contradictions(SafeTensorsReader file, TensorNames names)
    {
        foreach (var places in _entries.Where(entry => entry.Values.Length > 0).GroupBy<Entry, T[]>(entry => entry.Values, ReferenceEqualityComparer.Instance).Where(places => places.Skip(1).Any()))
        {
            (string Name, T[] Values)? first = null;
            foreach (var entry in places)
            {
                if (!names.Entries.TryGetValue(entry.Name, out var found)) continue;
                var values = new T[entry.Values.Length];
                file.ReadUnchecked<T>(found, values, columnMajor: false);
                first ??= (found.Name, values);
                if (!MemoryMarshal.AsBytes<T>(values).SequenceEqual(MemoryMarshal.AsBytes<T>(first.Value.Values)))
                    yield return $"different values: {first.Value.Name} and {found.Name} are one here, but not in the file";
            }
        }
    }

    private static long[] Sizes(IReadOnlyList<int> shape) => [.. shape.Select(size => (long)size)];

    private static string Text(IReadOnlyList<long> shape) => $"({string.Join(", ", shape)})";
}

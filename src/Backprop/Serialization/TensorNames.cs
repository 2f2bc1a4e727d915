namespace Backprop;

/// <summary>The names that a model gives to what is in a file.</summary>
internal sealed class TensorNames
{
    private readonly Dictionary<string, SafeTensorsEntry> _entries = [];
    private readonly List<string> _clashes = [];
    private readonly SafeTensorsReader _file;
    private readonly bool _isRenamed;

    /// <param name="file">The file.</param>
    /// <param name="prefix">What comes before the names there; what does not begin with it is none of the model's.</param>
    /// <param name="rename">The name here for a name behind the prefix; null leaves it out.</param>
    internal TensorNames(SafeTensorsReader file, string prefix, Func<string, string?>? rename = null)
    {
        (_file, Prefix, _isRenamed) = (file, prefix, rename is not null);
        foreach (var entry in file.Entries.Where(entry => entry.Name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            var name = entry.Name[prefix.Length..];
            if (rename is not null) name = rename(name);
            if (name is not null && !_entries.TryAdd(name, entry)) _clashes.Add($"two names: {_entries[name].Name} and {entry.Name} are both {name} here");
        }
    }

    /// <summary>What comes before the names in the file.</summary>
    internal string Prefix { get; }

    /// <summary>Names that became the same.</summary>
    internal IEnumerable<string> Clashes => _clashes;

    /// <summary>What is in the file, by its names here.</summary>
    internal IReadOnlyDictionary<string, SafeTensorsEntry> Entries => _entries;

    /// <summary>How the file calls what has this name here.</summary>
    internal string There(string name) => _entries.TryGetValue(name, out var entry) ? entry.Name : _isRenamed ? name : Prefix + name;

    /// <summary>What might be meant where no name fits; null where nothing is known.</summary>
    internal string? Hint(string name)
    {
        if (_file.Metadata.GetValueOrDefault("format", "").StartsWith("backprop checkpoint", StringComparison.Ordinal))
            return "It is a checkpoint: LoadCheckpoint goes on from it; prefix: \"model.\" loads what the model knew when it was saved, and prefix: \"best.\", where that was kept, what it knew in its best epoch.";
        var longer = _file.Entries.FirstOrDefault(entry => entry.Name.Length > name.Length && entry.Name.EndsWith($".{name}", StringComparison.Ordinal));
        return longer is null ? null : $"The names there begin with another part: prefix: \"{longer.Name[..^name.Length]}\" drops it.";
    }
}

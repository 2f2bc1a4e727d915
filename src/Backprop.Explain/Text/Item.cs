namespace Backprop.Explain;

/// <summary>A layer, a loss or a loss's part as the text has it: a name or none, a word, settings, and the items within it.</summary>
internal sealed class Item(Word word, string? name, int position)
{
    public Word Word { get; } = word;

    public string? Name { get; } = name;

    public int Position { get; } = position;

    /// <summary>The values of the word's settings, in their order; null where the text does not say and there is no usual one, and for none.</summary>
    public object?[] Values { get; } = [.. word.Settings.Select(setting => setting.Usual)];

    /// <summary>What stands within it: layers of a container, parts of a combined loss.</summary>
    public List<Item> Items { get; } = [];

    public int Integer(int setting) => (int)Values[setting]!;

    public int? IntegerOrNone(int setting) => (int?)Values[setting];

    public double Number(int setting) => (double)Values[setting]!;

    public double? NumberOrNone(int setting) => (double?)Values[setting];

    public bool Flag(int setting) => (bool)Values[setting]!;

    public string Choice(int setting) => (string)Values[setting]!;

    /// <summary>The item as the text has it, as short as it can be said.</summary>
    /// <param name="place">Where it stands in its container: a name that is this number is left out; -1 where it has no number.</param>
    public string ToText(int place)
    {
        var given = new List<string>();
        var byPlace = true;
        for (var i = 0; i < Values.Length; i++)
        {
            var setting = Word.Settings[i];
            if (!setting.IsRequired && Setting.Same(Values[i], setting.Usual)) byPlace = false;
            else
            {
                byPlace &= setting.Kind != SettingKind.Flag;
                given.Add(byPlace ? Setting.Text(Values[i]) : $"{setting.Name}: {Setting.Text(Values[i])}");
            }
        }

        var inside = Word.HasItems ? string.Join(' ', Items.Select((item, i) => item.ToText(i))) : string.Join(", ", given);
        var name = Name is null || Name == Signature.Number(place) ? "" : $"{Quoted(Name)}:";
        return $"{name}{Word.Name}{(inside.Length > 0 || Word.HasItems ? $"({inside})" : "")}";
    }

    private static string Quoted(string name) => name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-')
        ? name
        : $"\"{name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}

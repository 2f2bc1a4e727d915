using System.Globalization;
using System.Numerics;
using System.Text;

namespace Backprop.Explain;

/// <summary>Reads a network's text: pieces, and from them items. It makes no layers.</summary>
internal sealed class NetworkReader<T>(string text) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>So many levels fit on any thread's stack.</summary>
    private const int MostLevels = 50;

    private int _at;
    private int _levels;
    private Token? _ahead;

    /// <summary>The next piece, which stays the next.</summary>
    public Token Peek() => _ahead ??= Read();

    public Token Take()
    {
        var token = Peek();
        _ahead = null;
        return token;
    }

    /// <summary>Takes an item: a layer or a loss, with its name and settings.</summary>
    public Item TakeItem()
    {
        var first = Take();
        var (name, word) = ((string?)null, first);
        if (Peek().Is(':') && first.Kind is TokenKind.Word or TokenKind.Quoted)
        {
            Take();
            (name, word) = (first.Text, Take());
        }

        if (word.Kind != TokenKind.Word) throw Fail($"expects a layer or a loss, but {word.Shown}", word);
        var known = (Word?)Words<T>.Layer(word.Text) ?? Words<T>.Loss(word.Text)
            ?? throw Fail($"expects a layer or a loss, but there is \"{word.Text}\"", word, Known, Spelling.Suggestion(word.Text, NetworkText.Layers.Concat(NetworkText.Losses)));
        if (known is LayerWord<T> && name?.Contains('.', StringComparison.Ordinal) == true) throw Fail($"expects a layer's name without a dot, which separates names in paths, but there is \"{name}\"", first);
        if (name is not null && string.IsNullOrWhiteSpace(name)) throw Fail("expects a layer's name to have letters, but there is \"\"", first);
        return TakeInside(new Item(known, name, word.Position));
    }

    /// <summary>What is known, as messages end.</summary>
    public static string Known => $"Layers: {string.Join(", ", NetworkText.Layers)}. Losses: {string.Join(", ", NetworkText.Losses)}.";

    /// <summary>What is wrong, and where.</summary>
    public static NetworkTextException Fail(string problem, Token at, string list = "", string suggestion = "") => Fail(problem, at.Position, list, suggestion);

    /// <summary>What is wrong, and where.</summary>
    /// <param name="problem">What is expected, and what came.</param>
    /// <param name="position">Where, from 0.</param>
    /// <param name="list">A sentence that says what there is.</param>
    /// <param name="suggestion">What <see cref="Spelling.Suggestion"/> found.</param>
    public static NetworkTextException Fail(string problem, int position, string list = "", string suggestion = "") => new(
        $"A network's text {problem}, at character {Signature.Number(position + 1)}{(suggestion.Length > 0 ? suggestion : ".")}{(list.Length > 0 ? $" {list}" : "")}", position);

    private Item TakeInside(Item item)
    {
        if (Peek().Is('('))
        {
            if (++_levels > MostLevels) throw Fail($"expects at most {Signature.Number(MostLevels)} levels of parentheses, but there are more", Peek());
            var open = Take();
            if (item.Word.HasItems) TakeItems(item, open);
            else TakeSettings(item, open);
            _levels--;
        }

        for (var i = 0; i < item.Values.Length; i++)
            if (item.Word.Settings[i].IsRequired && item.Values[i] is null)
                throw Fail($"expects {item.Word.Name} to be given {item.Word.Settings[i].Name}, {item.Word.Settings[i].Expectation}, but it is not", item.Position, $"Settings of {item.Word.Name}: {SettingsOf(item.Word)}.");
        if (item.Word.HasItems && item.Items.Count == 0 && item.Word.Name != "sequential") throw Fail($"expects {item.Word.Name} to hold at least one {(item.Word is LossWord<T> ? "part" : "layer")}, but there is none", item.Position);
        return item;
    }

    private void TakeItems(Item item, Token open)
    {
        for (; !Peek().Is(')');)
        {
            if (Peek().Kind == TokenKind.End) throw Unclosed(open);
            var next = item.Word is LossWord<T> ? TakePart() : TakeItem();
            if (next.Word is LossWord<T>) throw Fail($"expects layers within {item.Word.Name}, but \"{next.Word.Name}\" is a loss", next.Position);
            item.Items.Add(next);
            if (Peek().Is(',')) Take();
        }

        Take();
    }

    private Item TakePart()
    {
        var name = Take();
        if (name.Kind is not (TokenKind.Word or TokenKind.Quoted) || !Peek().Is(':')) throw Fail($"expects parts within combined, such as price:part(mse, 3..4, 1..2), but {name.Shown}", name);
        Take();
        var word = Take();
        if (word.Kind != TokenKind.Word || !word.Text.Equals("part", StringComparison.OrdinalIgnoreCase)) throw Fail($"expects parts within combined, such as price:part(mse, 3..4, 1..2), but {word.Shown}", word);
        return TakeInside(new Item(Words<T>.Part, name.Text, word.Position));
    }

    private void TakeSettings(Item item, Token open)
    {
        var settings = item.Word.Settings;
        var given = new bool[settings.Length];
        for (var place = 0; !Peek().Is(')'); place++)
        {
            if (place > 0 && Peek().Kind != TokenKind.End)
            {
                if (!Peek().Is(',')) throw Fail($"expects \",\" or \")\" between the settings of {item.Word.Name}, but {Peek().Shown}", Peek());
                Take();
            }

            var first = Take();
            if (first.Kind == TokenKind.End) throw Unclosed(open);
            var setting = place;
            if (first.Kind == TokenKind.Word && Peek().Is(':'))
            {
                Take();
                setting = Array.FindIndex(settings, known => Normal(known.Name) == Normal(first.Text));
                if (setting < 0)
                {
                    throw Fail($"expects a setting of {item.Word.Name}, but there is \"{first.Text}\"", first,
                        settings.Length == 0 ? $"{item.Word.Name} has no settings." : $"Settings of {item.Word.Name}: {SettingsOf(item.Word)}.", Spelling.Suggestion(first.Text, settings.Select(known => known.Name)));
                }

                first = Take();
                if (first.Kind == TokenKind.End) throw Unclosed(open);
            }
            else if (place >= settings.Length)
            {
                throw Fail(settings.Length == 0
                    ? $"expects no settings for {item.Word.Name}, but there is one"
                    : $"expects at most {Signature.Number(settings.Length)} setting{(settings.Length == 1 ? "" : "s")} for {item.Word.Name}, but there are more", first, settings.Length == 0 ? "" : $"Settings of {item.Word.Name}: {SettingsOf(item.Word)}.");
            }

            if (given[setting]) throw Fail($"expects {settings[setting].Name} of {item.Word.Name} once, but it is there twice", first);
            given[setting] = true;
            item.Values[setting] = TakeValue(item.Word, settings[setting], first);
        }

        Take();
    }

    private object? TakeValue(Word owner, Setting setting, Token first)
    {
        if (first.Is('['))
        {
            if (setting.Kind is not (SettingKind.Integers or SettingKind.NumbersOrNone)) throw Wrong(owner, setting, first);
            var values = new List<Token>();
            while (!Peek().Is(']'))
            {
                if (values.Count > 0)
                {
                    if (!Peek().Is(',')) throw Fail($"expects \",\" or \"]\" in a list, but {Peek().Shown}", Peek());
                    Take();
                }

                values.Add(Take());
            }

            Take();
            return setting.Kind == SettingKind.Integers
                ? values.Select(value => (int)(OfWord(owner, setting with { Kind = SettingKind.Integer }, value) ?? 0)).ToArray()
                : values.Select(value => (double)(OfWord(owner, setting with { Kind = SettingKind.Number }, value) ?? 0)).ToArray();
        }

        if (first.Kind != TokenKind.Word) throw Wrong(owner, setting, first);
        if (setting.Kind != SettingKind.Loss) return OfWord(owner, setting, first);
        var loss = Words<T>.Loss(first.Text) ?? throw Fail($"expects {setting.Name} of {owner.Name} to be {setting.Expectation}, but it is \"{first.Text}\"", first,
            $"Losses: {string.Join(", ", NetworkText.Losses)}.", Spelling.Suggestion(first.Text, NetworkText.Losses));
        return TakeInside(new Item(loss, null, first.Position));
    }

    private static object? OfWord(Word owner, Setting setting, Token value)
    {
        var text = value.Text;
        switch (setting.Kind)
        {
            case SettingKind.IntegerOrNone or SettingKind.NumberOrNone or SettingKind.NumbersOrNone when Normal(text) == "none":
                return null;
            case SettingKind.Integer or SettingKind.IntegerOrNone when int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer):
                return integer;
            case SettingKind.Number or SettingKind.NumberOrNone or SettingKind.NumbersOrNone when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number):
                return number;
            case SettingKind.Flag when bool.TryParse(text, out var flag):
                return flag;
            case SettingKind.Choice when Array.Find(setting.Choices!, choice => Normal(choice) == Normal(text)) is { } choice:
                return choice;
            case SettingKind.Range when text.Split("..") is [var from, var to] && End(from, Index.Start) is { } start && End(to, Index.End) is { } end:
                return start..end;
            default:
                throw Wrong(owner, setting, value);
        }
    }

    private static Index? End(string text, Index usual)
    {
        if (text.Length == 0) return usual;
        var fromEnd = text[0] == '^';
        return int.TryParse(fromEnd ? text[1..] : text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? new Index(value, fromEnd) : null;
    }

    private static NetworkTextException Wrong(Word owner, Setting setting, Token value) =>
        Fail($"expects {setting.Name} of {owner.Name} to be {setting.Expectation}, but {(value.Kind == TokenKind.End ? value.Shown : $"it is \"{value.Text}\"")}", value,
            suggestion: setting.Kind == SettingKind.Choice ? Spelling.Suggestion(value.Text, setting.Choices!) : "");

    private static NetworkTextException Unclosed(Token open) => Fail("expects a \")\" for this \"(\", but the text ends", open);

    private static string SettingsOf(Word word) => string.Join(", ", word.Settings.Select(setting => setting.Name));

    private static string Normal(string name) => name.ToLowerInvariant().Replace("_", "", StringComparison.Ordinal);

    private Token Read()
    {
        while (_at < text.Length && char.IsWhiteSpace(text[_at])) _at++;
        var start = _at;
        if (_at == text.Length) return new(TokenKind.End, "", _at);
        if (IsSign(text[_at])) return new(TokenKind.Sign, text[_at++].ToString(), start);
        if (text[_at] != '"')
        {
            while (_at < text.Length && !IsSign(text[_at]) && text[_at] != '"' && !char.IsWhiteSpace(text[_at])) _at++;
            return new(TokenKind.Word, text[start.._at], start);
        }

        var name = new StringBuilder();
        for (_at++; _at < text.Length && text[_at] != '"'; _at++)
        {
            if (text[_at] == '\\' && _at + 1 < text.Length) _at++;
            name.Append(text[_at]);
        }

        if (_at == text.Length) throw Fail("expects a second quotation mark behind a name, but it ends", start);
        _at++;
        return new(TokenKind.Quoted, name.ToString(), start);
    }

    private static bool IsSign(char c) => c is '(' or ')' or '[' or ']' or ',' or ':';
}

using System.Globalization;
using System.Text;

namespace Backprop.Playground;

/// <summary>Writes JSON. A whole serializer would be the larger part of the download.</summary>
internal sealed class JsonText
{
    private readonly StringBuilder _text = new();

    public JsonText Open(char bracket)
    {
        Separate();
        _text.Append(bracket);
        return this;
    }

    public JsonText Close(char bracket)
    {
        _text.Append(bracket);
        return this;
    }

    public JsonText Name(string name)
    {
        Separate();
        Quote(name);
        _text.Append(':');
        return this;
    }

    public JsonText Value(string? value)
    {
        Separate();
        if (value is null) _text.Append("null");
        else Quote(value);
        return this;
    }

    public JsonText Value(bool value)
    {
        Separate();
        _text.Append(value ? "true" : "false");
        return this;
    }

    /// <summary>A number; one that JSON lacks as a text.</summary>
    public JsonText Value(double value)
    {
        Separate();
        if (double.IsFinite(value)) _text.Append(CultureInfo.InvariantCulture, $"{value:R}");
        else Quote(value.ToString(CultureInfo.InvariantCulture));
        return this;
    }

    public JsonText Value(double? value) => value is double number ? Value(number) : Value((string?)null);

    public JsonText Texts(IEnumerable<string> values)
    {
        Open('[');
        foreach (var value in values) Value(value);
        return Close(']');
    }

    public JsonText Numbers(IEnumerable<double> values)
    {
        Open('[');
        foreach (var value in values) Value(value);
        return Close(']');
    }

    /// <summary>What is JSON already.</summary>
    public JsonText Raw(string json)
    {
        Separate();
        _text.Append(json);
        return this;
    }

    public override string ToString() => _text.ToString();

    private void Separate()
    {
        if (_text.Length > 0 && _text[^1] is not ('{' or '[' or ':')) _text.Append(',');
    }

    private void Quote(string value)
    {
        _text.Append('"');
        foreach (var c in value)
        {
            if (c is '"' or '\\') _text.Append('\\').Append(c);
            else if (c < ' ' || c is '\u2028' or '\u2029' || char.IsSurrogate(c)) _text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else _text.Append(c);
        }

        _text.Append('"');
    }
}

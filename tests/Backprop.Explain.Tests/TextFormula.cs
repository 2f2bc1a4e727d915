using System.Globalization;

namespace Backprop.Explain.Tests;

/// <summary>Reads a formula of numbers as it stands in text, and computes it: the reader's pocket calculator.</summary>
internal sealed class TextFormula
{
    private readonly string _text;
    private int _at;

    public TextFormula(string text)
    {
        _text = text.Replace('\u00a0', ' ');
        Value = Sum();
        if (_at < _text.Length) throw new FormatException($"{_text}: {_text[_at..]} is left over.");
    }

    public double Value { get; }

    private double Sum()
    {
        var value = Product();
        while (true)
        {
            if (Take(" + ")) value += Product();
            else if (Take(" - ")) value -= Product();
            else return value;
        }
    }

    private double Product()
    {
        var value = Signed();
        while (true)
        {
            if (Take(" · ")) value *= Signed();
            else if (Take(" / ")) value /= Signed();
            else return value;
        }
    }

    private double Signed() => Take("-") ? -Power() : Power();

    private double Power()
    {
        var value = Atom();
        return Take("^") ? Math.Pow(value, Take("-") ? -Atom() : Atom()) : value;
    }

    private double Atom()
    {
        if (Take("(")) return In(")");
        if (Take("|")) return Math.Abs(In("|"));
        if (Take("{"))
        {
            var value = Sum();
            _at = _text.IndexOf('}', _at) + 1;
            return value;
        }

        if (Take("e^")) return Math.Exp(Take("-") ? -Atom() : Atom());
        foreach (var (name, function) in new (string, string)[] { ("log(", "log"), ("sqrt(", "sqrt"), ("tanh(", "tanh"), ("σ(", "sigmoid"), ("Φ(", "Phi"), ("φ(", "phi"), ("sign(", "sign") })
            if (Take(name)) return new Function(function, In(")")).Value;
        foreach (var name in new[] { "max", "min" })
        {
            if (!Take($"{name}(")) continue;
            var all = new List<Expression> { Sum() };
            while (Take(", ")) all.Add(Sum());
            Require(")");
            return new Function(name, [.. all]).Value;
        }

        var start = _at;
        while (_at < _text.Length && (char.IsAsciiDigit(_text[_at]) || _text[_at] == '.' || (_text[_at] == 'e' && _at > start && _text[_at + 1] != '^') || (_text[_at] == '-' && _text[_at - 1] == 'e'))) _at++;
        var number = double.Parse(_text[start.._at], CultureInfo.InvariantCulture);
        // "(760 more: 0.0123)" stands for what is added up.
        return Take(" more: ") ? Signed() : number;
    }

    private double In(string close)
    {
        var value = Sum();
        Require(close);
        return value;
    }

    private bool Take(string text)
    {
        if (!_text.AsSpan(_at).StartsWith(text, StringComparison.Ordinal)) return false;
        _at += text.Length;
        return true;
    }

    private void Require(string text)
    {
        if (!Take(text)) throw new FormatException($"{_text}: {text} is expected at {_at}.");
    }
}

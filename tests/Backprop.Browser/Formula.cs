using System.Xml.Linq;

namespace Backprop.Browser;

/// <summary>Reads a formula from the page as a person does: signs, fractions, powers, roots and parentheses as they stand there, and nothing else.</summary>
internal sealed class Formula
{
    private readonly Func<XElement, double> _number;
    private List<XElement> _row = [];
    private int _next;

    private Formula(Func<XElement, double> number) => _number = number;

    /// <summary>What the formula comes to.</summary>
    /// <param name="mathml">The math element.</param>
    /// <param name="number">What a number is: its digits, or the full value behind them.</param>
    public static double Evaluate(string mathml, Func<XElement, double> number) => new Formula(number).Value(XElement.Parse(mathml));

    /// <summary>How large the terms are: what rounding is measured by. The formula with every number positive and every minus a plus.</summary>
    public static double Size(string mathml)
    {
        var element = XElement.Parse(mathml);
        foreach (var minus in element.Descendants().Where(sign => sign.Name.LocalName == "mo" && sign.Value == "−" && (string?)sign.Attribute("form") == "infix")) minus.Value = "+";
        var terms = element.Descendants().Where(node => node.Name.LocalName == "mn").Select(node => Math.Abs(Full(node))).Where(double.IsFinite).ToList();
        var size = new Formula(node => Math.Abs(Full(node))).Value(element);
        return double.IsFinite(size) ? Math.Max(Math.Abs(size), terms.Max()) : terms.Max();
    }

    /// <summary>The number as its digits say.</summary>
    public static double Shown(XElement number) => Numbers.Parse(number.Value);

    /// <summary>The full value behind the digits.</summary>
    public static double Full(XElement number) => Numbers.Parse(number.Attribute("data-value")?.Value ?? throw new FormatException($"A number has no full value: {number}"));

    private double Value(params IEnumerable<XElement> elements)
    {
        var (row, next) = (_row, _next);
        (_row, _next) = ([.. elements.SelectMany(Flat)], 0);
        var value = Sum();
        if (_next < _row.Count) throw new FormatException($"What follows is no part of the formula: {_row[_next]}");
        (_row, _next) = (row, next);
        return value;
    }

    // Rows only group; words are for the reader.
    private static IEnumerable<XElement> Flat(XElement element) => element.Name.LocalName switch
    {
        "math" or "mrow" or "mtd" or "mstyle" => element.Elements().SelectMany(Flat),
        "mtable" when element.Attribute("class")?.Value == "terms" => element.Elements().SelectMany(line => line.Elements()).SelectMany(Flat),
        "mtext" or "mspace" => [],
        "munder" when element.Attribute("class")?.Value == "local" => Flat(element.Elements().First()),
        _ => [element],
    };

    private double Sum()
    {
        var value = Take("−") ? -Product() : Product();
        while (true)
        {
            if (Take("+")) value += Product();
            else if (Take("−")) value -= Product();
            else return value;
        }
    }

    private double Product()
    {
        var value = Factor();
        while (Take("·")) value *= Factor();
        return value;
    }

    private double Factor()
    {
        if (Take("(")) return Until(")");
        if (Take("|")) return Math.Abs(Until("|"));
        if (Take("⌊")) return Math.Floor(Until("⌋"));
        var element = _next < _row.Count ? _row[_next++] : throw new FormatException("The formula ends too early.");
        var parts = element.Elements().ToList();
        switch (element.Name.LocalName)
        {
            case "mn": return _number(element);
            case "mfrac": return Value(parts[0]) / Value(parts[1]);
            case "msqrt": return Math.Sqrt(Value(parts));
            case "msup": return parts[0].Value == "e" ? Math.Exp(Value(parts[1])) : Math.Pow(Value(parts[0]), Value(parts[1]));
            case "mtable": return Cases(parts);
            case "mi" when Take("\u2061") && Take("("):
                List<double> arguments = [Sum()];
                while (Take(",")) arguments.Add(Sum());
                if (!Take(")")) throw new FormatException($"{element.Value} is not closed.");
                return Apply(element.Value, arguments);
            default: throw new FormatException($"A number is expected, but there is {element}.");
        }
    }

    private double Until(string close) => Sum() is var value && Take(close) ? value : throw new FormatException($"There is no {close}.");

    private double Cases(List<XElement> lines)
    {
        foreach (var line in lines)
        {
            var (value, condition) = (line.Elements().First(), line.Elements().Last());
            if (condition.Value == "otherwise") return Value(value);
            var parts = condition.Elements().Single().Elements().ToList();
            var relation = parts.FindIndex(part => part.Name.LocalName == "mo" && "<>≤≥=".Contains(part.Value, StringComparison.Ordinal));
            var (left, right) = (Value(parts.Take(relation)), Value(parts.Skip(relation + 1)));
            if (parts[relation].Value switch { "<" => left < right, ">" => left > right, "≤" => left <= right, "≥" => left >= right, _ => left.Equals(right) }) return Value(value);
        }

        throw new FormatException("No case holds.");
    }

    private static double Apply(string name, List<double> of) => name switch
    {
        "tanh" => Math.Tanh(of[0]),
        "log" => Math.Log(of[0]),
        "σ" => 1 / (1 + Math.Exp(-of[0])),
        "max" => of.Max(),
        "min" => of.Min(),
        "sign" => Math.Sign(of[0]),
        "softplus" => Math.Log(1 + Math.Exp(of[0])),
        "Φ" => MathNet.Numerics.SpecialFunctions.Erfc(-of[0] / Math.Sqrt(2)) / 2,
        "erf" => MathNet.Numerics.SpecialFunctions.Erf(of[0]),
        "φ" => Math.Exp(-of[0] * of[0] / 2) / Math.Sqrt(2 * Math.PI),
        _ => throw new FormatException($"{name} is no function that is known."),
    };

    private bool Take(string sign)
    {
        if (_next >= _row.Count || _row[_next].Name.LocalName != "mo" || _row[_next].Value != sign) return false;
        _next++;
        return true;
    }
}

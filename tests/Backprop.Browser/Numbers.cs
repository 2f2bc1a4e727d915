using System.Globalization;
using System.Text;

namespace Backprop.Browser;

/// <summary>Numbers as the page writes them.</summary>
internal static class Numbers
{
    /// <summary>A number as shown or in full: <c>−0.0213347</c>, <c>5.781·10⁻⁵</c>, <c>∞</c>, <c>NaN</c>, <c>-0.1</c>.</summary>
    public static double Parse(string text)
    {
        var plain = new StringBuilder();
        foreach (var letter in text.Trim().Replace("·10", "e", StringComparison.Ordinal))
        {
            var power = "⁰¹²³⁴⁵⁶⁷⁸⁹".IndexOf(letter, StringComparison.Ordinal);
            plain.Append(power >= 0 ? (char)('0' + power) : letter is '−' or '⁻' ? '-' : letter);
        }

        return plain.ToString() switch
        {
            "∞" or "Infinity" => double.PositiveInfinity,
            "-∞" or "-Infinity" => double.NegativeInfinity,
            var number => double.Parse(number, NumberStyles.Float, CultureInfo.InvariantCulture),
        };
    }

    /// <summary>Half a unit in the last place that is shown.</summary>
    public static double Rounding(string text)
    {
        var (head, power) = text.Trim().Split("·10") is [var mantissa, var exponent] ? (mantissa, (int)Parse("1·10" + exponent).ToString("E0", CultureInfo.InvariantCulture).Length) : (text.Trim(), 0);
        var decimals = head.Contains('.', StringComparison.Ordinal) ? head.Length - head.IndexOf('.', StringComparison.Ordinal) - 1 : 0;
        return power == 0 ? 0.5 * Math.Pow(10, -decimals) : 0.5 * Math.Pow(10, -decimals) * Math.Pow(10, Math.Round(Math.Log10(Math.Abs(Parse(text) / Parse(head)))));
    }
}

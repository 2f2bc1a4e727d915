using System.Globalization;

namespace Backprop.Explain;

/// <summary>Numbers as a report writes them, whatever the culture.</summary>
internal static class Say
{
    /// <summary>At most four digits: <c>0.4289</c>, <c>1.23e-05</c>, <c>NaN</c>.</summary>
    internal static string Number(double value) => value switch
    {
        double.PositiveInfinity => "infinity",
        double.NegativeInfinity => "-infinity",
        0 => "0",
        _ when Math.Abs(value) is >= 1e-4 and < 1e4 => value.ToString("G4", CultureInfo.InvariantCulture),
        _ when Math.Abs(value) is >= 1e4 and < 1e5 => value.ToString("0", CultureInfo.InvariantCulture),
        _ when double.IsNaN(value) => "NaN",
        _ => value.ToString("0.0#e-00", CultureInfo.InvariantCulture),
    };

    /// <summary>A count, in groups of three: <c>12,500</c>.</summary>
    internal static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A share as a percentage, and never as 0 % or 100 % where it is not: <c>92 %</c>.</summary>
    internal static string Share(double value) => value switch
    {
        > 0 and < 0.01 => "under 1 %",
        > 0.99 and < 1 => "over 99 %",
        _ => string.Create(CultureInfo.InvariantCulture, $"{value * 100:0} %"),
    };

    /// <summary>How many times, in three digits: <c>12-fold</c>, <c>12,700,000-fold</c>.</summary>
    internal static string Fold(double value)
    {
        if (!(value < 1e15)) return $"{Number(value)}-fold";
        var unit = Math.Pow(10, Math.Max(Math.Floor(Math.Log10(Math.Max(value, 1))) - 2, 0));
        return $"{Count((long)(Math.Round(value / unit) * unit))}-fold";
    }

    /// <summary>At most three digits, for tables.</summary>
    internal static string Short(double value) => Math.Abs(value) is >= 1e-4 and < 1e3 ? value.ToString("G3", CultureInfo.InvariantCulture) : Number(value);

    /// <summary>One of a thing, or several: <c>1 epoch</c>, <c>3 epochs</c>.</summary>
    internal static string Of(long count, string one) => $"{Count(count)} {(count == 1 ? one : one.EndsWith("ch", StringComparison.Ordinal) && one != "epoch" ? $"{one}es" : $"{one}s")}";

    /// <summary>Several things: <c>a, b and c</c>.</summary>
    internal static string List(IReadOnlyList<string> items) => items.Count < 2 ? string.Concat(items) : $"{string.Join(", ", items.Take(items.Count - 1))} and {items[^1]}";
}

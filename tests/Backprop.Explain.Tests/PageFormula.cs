using System.Text.Json;

namespace Backprop.Explain.Tests;

/// <summary>Evaluates a formula as the page has it, from nothing but what the page holds.</summary>
internal static class PageFormula
{
    public static double Evaluate(JsonElement page, JsonElement formula)
    {
        if (formula.ValueKind != JsonValueKind.Array) return Number(formula);
        var parts = formula.EnumerateArray().ToArray();
        double Part(int i) => Evaluate(page, parts[i]);
        return parts[0].GetString() switch
        {
            "+" => parts.Skip(1).Sum(part => Evaluate(page, part)),
            "*" => parts.Skip(1).Aggregate(1.0, (product, part) => product * Evaluate(page, part)),
            "-" => -Part(1),
            "/" => Part(1) / Part(2),
            "^" => Math.Pow(Part(1), Part(2)),
            "rest" => Part(2),
            "d" => Part(3),
            "q" => parts.Length > 4 ? Part(4) : Shown(page.GetProperty("quantities").GetProperty(parts[1].GetString()!), parts[2].GetInt32(), parts[3].GetInt32()),
            "cases" => Evaluate(page, parts.Skip(1).First(one => Holds(page, one[1]))[0]),
            "f" => new Function(parts[1].GetString()!, [.. parts.Skip(2).Select(part => (Expression)Evaluate(page, part))]).Value,
            var other => throw new InvalidDataException($"{other} is no part of a formula."),
        };
    }

    private static bool Holds(JsonElement page, JsonElement condition) => condition[0].GetString() switch
    {
        "otherwise" => true,
        var op => new Condition(Evaluate(page, condition[1]), op!, Evaluate(page, condition[2])).Holds,
    };

    private static double Shown(JsonElement quantity, int row, int column)
    {
        return Number(quantity.GetProperty("values")[Place("shownRows", row)][Place("shownColumns", column)]);

        int Place(string chosen, int index) => quantity.TryGetProperty(chosen, out var indices) ? indices.EnumerateArray().Select(one => one.GetInt32()).ToList().IndexOf(index) : index;
    }

    private static double Number(JsonElement number) => number.ValueKind == JsonValueKind.String ? double.Parse(number.GetString()!, System.Globalization.CultureInfo.InvariantCulture) : number.GetDouble();
}

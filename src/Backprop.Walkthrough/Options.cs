using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Backprop.Walkthrough;

/// <summary>Options that are checked while they are parsed: one sentence says what is expected and what came.</summary>
internal static class Options
{
    /// <summary>A number, read the same way in every country.</summary>
    public static Option<double> Number(string name, string description, double value, double from, double to) =>
        Create(name, "number", description, value, from, to, "number");

    /// <summary>A whole number.</summary>
    public static Option<int> Count(string name, string description, int value, int from, int to) =>
        Create(name, "count", description, value, from, to, "whole number");

    /// <summary>One of a few words.</summary>
    public static Option<string> Choice(string name, string description, params string[] words)
    {
        var option = new Option<string>(name) { Description = description, HelpName = string.Join('|', words), DefaultValueFactory = _ => words[0] };
        option.CustomParser = result => words.FirstOrDefault(word => word.Equals(result.Tokens[0].Value, StringComparison.OrdinalIgnoreCase))
            ?? Refuse<string>(result, $"{name} expects {string.Join(" or ", words)}");
        return option;
    }

    /// <summary>A file, if one is wanted.</summary>
    public static Option<string?> Path(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "file",
        CustomParser = result => result.Tokens[0].Value is { Length: > 0 } path ? path : Refuse<string>(result, $"{name} expects the path of a file"),
    };

    private static Option<TNumber> Create<TNumber>(string name, string helpName, string description, TNumber value, TNumber from, TNumber to, string kind)
        where TNumber : struct, INumber<TNumber> => new(name)
        {
            Description = description,
            HelpName = helpName,
            DefaultValueFactory = _ => value,
            CustomParser = result =>
                TNumber.TryParse(result.Tokens[0].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= from && number <= to
                    ? number
                    : Refuse<TNumber>(result, string.Create(CultureInfo.InvariantCulture, $"{name} expects a {kind} from {from} to {to}")),
        };

    private static TValue? Refuse<TValue>(ArgumentResult result, string expectation)
    {
        result.AddError($"{expectation}, but it is {result.Tokens[0].Value}.");
        return default;
    }
}

using System.Globalization;

namespace Backprop;

/// <summary>How layers write themselves: as their constructor reads, without what is as usual.</summary>
internal static class Text
{
    /// <summary><c>name(first, second)</c>; empty arguments are left out.</summary>
    public static string Call(string name, params ReadOnlySpan<string> arguments)
    {
        var given = new List<string>();
        foreach (var argument in arguments)
            if (argument.Length > 0) given.Add(argument);
        return $"{name}({string.Join(", ", given)})";
    }

    public static string Number(double value) => value.ToString(CultureInfo.InvariantCulture);
}

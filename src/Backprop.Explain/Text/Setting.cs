namespace Backprop.Explain;

/// <summary>A setting of a layer or loss: its name, what it may be, and what it is where nothing is said.</summary>
/// <param name="Name">The name, as the constructor has it.</param>
/// <param name="Kind">What it may be.</param>
/// <param name="Usual">The value where none is given.</param>
/// <param name="IsRequired">Whether one must be given.</param>
/// <param name="Choices">The words of a choice.</param>
internal sealed record Setting(string Name, SettingKind Kind, object? Usual = null, bool IsRequired = false, string[]? Choices = null)
{
    public static Setting Required(string name, SettingKind kind) => new(name, kind, IsRequired: true);

    public static Setting Number(string name, double usual) => new(name, SettingKind.Number, usual);

    public static Setting Integer(string name, int usual) => new(name, SettingKind.Integer, usual);

    public static Setting Flag(string name, bool usual) => new(name, SettingKind.Flag, usual);

    public static Setting Choice(string name, params string[] choices) => new(name, SettingKind.Choice, choices[0], Choices: choices);

    /// <summary>What it may be, in words.</summary>
    public string Expectation => Kind switch
    {
        SettingKind.Integer => "a whole number",
        SettingKind.IntegerOrNone => "a whole number or none",
        SettingKind.Number => "a number",
        SettingKind.NumberOrNone => "a number or none",
        SettingKind.Flag => "true or false",
        SettingKind.Choice => $"one of {string.Join(", ", Choices!)}",
        SettingKind.Integers => "whole numbers in brackets, such as [0, 3]",
        SettingKind.NumbersOrNone => "a number, numbers in brackets, such as [1, 2], or none",
        SettingKind.Range => "columns, such as 0..3",
        _ => "a loss",
    };

    public static bool Same(object? a, object? b) => Equals(a, b);

    public static string Text(object? value) => value switch
    {
        null => "none",
        bool flag => flag ? "true" : "false",
        int number => Signature.Number(number),
        double number => Signature.Number(number),
        int[] numbers => $"[{string.Join(", ", numbers.Select(number => Signature.Number(number)))}]",
        double[] numbers => $"[{string.Join(", ", numbers.Select(Signature.Number))}]",
        Range range => range.ToString(),
        Item item => item.ToText(-1),
        _ => (string)value,
    };
}

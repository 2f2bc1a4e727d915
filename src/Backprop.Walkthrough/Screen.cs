using System.Globalization;
using System.Numerics;
using Spectre.Console;

namespace Backprop.Walkthrough;

/// <summary>How the walkthrough looks: at most 80 columns, and plain text wherever colours are not wanted.</summary>
internal static class Screen
{
    public const int Columns = 80;

    /// <summary>A console on a terminal, or plain text where NO_COLOR is set or the output goes elsewhere.</summary>
    public static IAnsiConsole Create(TextWriter output)
    {
        var plain = !ReferenceEquals(output, Console.Out) || Console.IsOutputRedirected || !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = plain ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = plain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = plain ? InteractionSupport.No : InteractionSupport.Detect,
            Out = new AnsiConsoleOutput(output),
        });
        if (plain || console.Profile.Width is < 1 or > Columns) console.Profile.Width = Columns;
        return console;
    }

    public static void Heading(this IAnsiConsole console, string title)
    {
        console.WriteLine();
        console.Write(new Rule($"[bold]{title.EscapeMarkup()}[/]").LeftJustified().RuleStyle("blue"));
        console.WriteLine();
    }

    /// <summary>A heading within a chapter.</summary>
    public static void Step(this IAnsiConsole console, string title)
    {
        console.WriteLine();
        console.WriteLine(title, new Style(decoration: Decoration.Bold));
        console.WriteLine();
    }

    /// <summary>What came of a comparison.</summary>
    public static void Verdict(this IAnsiConsole console, bool good, string ifGood, string ifBad)
    {
        console.Write(new Text(good ? ifGood : ifBad, new Style(good ? Color.Green : Color.Red, decoration: Decoration.Bold)));
        console.WriteLine();
    }

    /// <summary>A paragraph, wrapped between words.</summary>
    public static void Say(this IAnsiConsole console, string text)
    {
        console.Write(new Text(text));
        console.WriteLine();
    }

    /// <summary>Lines as they are, indented: formulas and drawings.</summary>
    public static void Show(this IAnsiConsole console, params ReadOnlySpan<string> lines)
    {
        foreach (var line in lines) console.WriteLine($"    {line}", new Style(Color.Teal));
    }

    /// <summary>A table whose first column is words and whose others are numbers.</summary>
    public static Table NewTable(params ReadOnlySpan<string> headers)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var header in headers)
            table.AddColumn(new TableColumn(new Text(header)) { Alignment = table.Columns.Count == 0 ? Justify.Left : Justify.Right, NoWrap = true, Padding = new Padding(1, 0, 0, 0) });
        return table;
    }

    /// <summary>A number for a column, always about as wide: so many decimals, or an exponent where those would say little.</summary>
    public static string Short<T>(T value, int decimals = 6) where T : IFloatingPointIeee754<T>
    {
        var size = Math.Abs(double.CreateChecked(value));
        var format = size is >= 1e-4 and < 1e5
            ? $"F{decimals - Math.Max(0, (int)Math.Log10(size))}"
            : $"0.{new string('0', Math.Max(4, decimals - 4))}e+00";
        return size == 0 ? "0" : value.ToString(format, CultureInfo.InvariantCulture);
    }

    /// <summary>All digits that it takes to read the same number back.</summary>
    public static string Full<T>(T value) where T : IFloatingPointIeee754<T> => value.ToString(null, CultureInfo.InvariantCulture);

    /// <summary>How far two numbers are apart; 0 for the same infinity, and for NaN beside NaN.</summary>
    public static string Size(double a, double b) => Size(a.Equals(b) ? 0 : Math.Abs(a - b));

    /// <summary>A difference: its size is what matters.</summary>
    public static string Size(double value) => value == 0 ? "0" : value.ToString("0.0e-0", CultureInfo.InvariantCulture);
}

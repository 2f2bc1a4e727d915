using System.Globalization;
using Spectre.Console;

namespace Backprop.Mutations;

/// <summary>Prints lines.</summary>
internal static class Screen
{
    /// <summary>A line with markup; what stands in braces is printed as it is.</summary>
    public static void Line(FormattableString text) => AnsiConsole.MarkupLineInterpolated(CultureInfo.InvariantCulture, text);
}

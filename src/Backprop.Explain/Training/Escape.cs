using System.Globalization;
using System.Text;

namespace Backprop.Explain;

/// <summary>Texts of somebody else's, such as names of layers, made harmless for the form they stand in.</summary>
internal static class Escape
{
    /// <summary>What stands before and after letters that are written from right to left; neither takes room.</summary>
    internal const char First = '\u2068', Last = '\u2069';

    /// <summary>For any form: what controls a screen, ends a line or turns the direction of writing is written as <c>\u202E</c>. Letters that are written from right to left are set apart, so that what follows stays where it is.</summary>
    internal static string Text(string text) => Isolated(Visible(text));

    /// <summary>For Markdown, in a table too.</summary>
    internal static string Markdown(string text)
    {
        var result = new StringBuilder();
        foreach (var c in Visible(text))
            _ = c switch
            {
                '&' => result.Append("&amp;"),
                '<' => result.Append("&lt;"),
                '>' => result.Append("&gt;"),
                '\\' or '`' or '*' or '_' or '[' or ']' or '|' or '~' or '$' or '#' or '!' => result.Append('\\').Append(c),
                _ => result.Append(c),
            };
        return Isolated(result.ToString());
    }

    /// <summary>For HTML, between tags and in quoted attributes.</summary>
    internal static string Html(string text)
    {
        var result = new StringBuilder();
        foreach (var c in Visible(text))
            _ = c switch
            {
                '&' => result.Append("&amp;"),
                '<' => result.Append("&lt;"),
                '>' => result.Append("&gt;"),
                '"' => result.Append("&quot;"),
                '\'' => result.Append("&#39;"),
                _ => result.Append(c),
            };
        return Isolated(result.ToString());
    }

    private static string Visible(string text)
    {
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsSurrogatePair(text, i)) result.Append(text, i++, 2);
            else if (IsUnruly(text[i])) result.Append(CultureInfo.InvariantCulture, $"\\u{(int)text[i]:X4}");
            else result.Append(text[i]);
        }

        return result.ToString();
    }

    private static bool IsUnruly(char c) =>
        char.IsControl(c) || char.IsSurrogate(c) || c is '\u2028' or '\u2029' or '\u061C' or '\u200E' or '\u200F' or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069') or '\uFFFE' or '\uFFFF';

    // Each run of such letters by itself: numbers and brackets that follow it would else be drawn into it.
    private static string Isolated(string text)
    {
        if (!text.Any(IsFromTheRight)) return text;
        var (result, isWithin) = (new StringBuilder(), false);
        foreach (var c in text)
        {
            var isFromTheRight = IsFromTheRight(c) || isWithin && char.IsLowSurrogate(c);
            if (isFromTheRight != isWithin) result.Append(isFromTheRight ? First : Last);
            isWithin = isFromTheRight;
            result.Append(c);
        }

        return (isWithin ? result.Append(Last) : result).ToString();
    }

    // Hebrew, Arabic and their neighbours, and their forms for presentation.
    private static bool IsFromTheRight(char c) => c is (>= '\u0590' and <= '\u08FF') or (>= '\uFB1D' and <= '\uFDFF') or (>= '\uFE70' and <= '\uFEFC') || c is '\uD802' or '\uD803' or '\uD83A' or '\uD83B';
}

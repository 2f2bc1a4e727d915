using System.Globalization;
using System.Text;

namespace Backprop.Explain;

/// <summary>A report in lines of at most 80 characters.</summary>
internal static class TrainingText
{
    private const int Width = 80, Rows = 12, SparkWidth = 40;
    private const string Bars = "▁▂▃▄▅▆▇█";

    internal static string Write(TrainingReport report)
    {
        var (text, record) = (new StringBuilder(), report.Record);
        text.Append(TrainingTables.Title).Append('\n').Append('=', TrainingTables.Title.Length).Append('\n');
        foreach (var sentence in TrainingTables.Summary(record)) Wrap(text, Escape.Text(sentence));

        Head(text, report.Findings.Count == 0 ? "Nothing found" : "What is wrong");
        for (var i = 0; i < report.Findings.Count; i++)
        {
            var (finding, number) = (report.Findings[i], string.Create(CultureInfo.InvariantCulture, $"{i + 1}. "));
            var indent = new string(' ', number.Length);
            Wrap(text, Escape.Text($"{finding.Title}."), number, indent);
            Wrap(text, Escape.Text(finding.Evidence), indent, indent);
            Wrap(text, Escape.Text(finding.Suggestion), $"{indent}-> ", $"{indent}   ");
        }

        Wrap(text, Escape.Text(TrainingTables.NotFound(report)));
        if (record.History.Epochs.Count > 0)
        {
            Head(text, "Over the epochs");
            foreach (var (name, values) in TrainingTables.Series(record.History)) Spark(text, name, values);
            text.Append('\n');
            var (head, rows) = TrainingTables.Epochs(record.History, Rows);
            Table(text, head, rows);
        }

        if (record.Layers.Count > 0 && record.Samples.Count > 0)
        {
            Head(text, "Layer by layer");
            Table(text, TrainingTables.LayersHead, TrainingTables.Layers(record), isNameFirst: true);
            text.Append('\n');
            Wrap(text, TrainingTables.LayersNote);
        }

        return text.ToString();
    }

    /// <summary>A line of bars for a series, on a scale of its own; <c>·</c> where there is no number, <c>!</c> where it is not finite.</summary>
    private static void Spark(StringBuilder text, string name, double?[] values)
    {
        var finite = values.Where(value => value is double v && double.IsFinite(v)).Select(value => value!.Value).ToArray();
        var (least, most) = finite.Length == 0 ? (0, 0) : (finite.Min(), finite.Max());
        text.Append(Padded(Cut(Escape.Text(name), 18), 18)).Append(' ');
        foreach (var i in TrainingTables.Some(values.Length, SparkWidth))
            text.Append(values[i] is not double value ? '·' : !double.IsFinite(value) ? '!' : Bars[most > least ? (int)Math.Round((value / 2 - least / 2) / (most / 2 - least / 2) * (Bars.Length - 1)) : Bars.Length / 2 - 1]);
        string Shown(double? value) => value is double number ? Say.Number(number) : "none";
        text.Append(CultureInfo.InvariantCulture, $" {Shown(values[0])}{(values.Length > 1 ? $" to {Shown(values[^1])}" : "")}").Append('\n');
    }

    /// <summary>A table; columns that find no room stand below, after the first one again.</summary>
    private static void Table(StringBuilder text, string[] head, string[][] rows, bool isNameFirst = false)
    {
        string[][] all = [[.. head.Select(Escape.Text)], .. rows.Select(row => row.Select(Escape.Text).ToArray())];
        const int MostOfAColumn = 18;
        var widths = head.Select((_, j) => all.Max(row => Length(row[j]))).Select((width, j) => j == 0 ? width : Math.Min(width, MostOfAColumn)).ToArray();
        if (isNameFirst) widths[0] = Math.Min(widths[0], Math.Max(16, Width - widths.Skip(1).Sum(width => width + 2)));
        for (var from = 1; from < head.Length;)
        {
            var (to, width) = (from, widths[0]);
            while (to < head.Length && (to == from || width + 2 + widths[to] <= Width)) width += 2 + widths[to++];
            if (from > 1) text.Append('\n');
            foreach (var row in all)
            {
                var line = new StringBuilder(isNameFirst ? Padded(Cut(row[0], widths[0]), widths[0]) : new string(' ', widths[0] - Length(row[0])) + row[0]);
                for (var j = from; j < to; j++)
                {
                    var cell = Cut(row[j], widths[j]);
                    line.Append(' ', 2 + widths[j] - Length(cell)).Append(cell);
                }

                text.Append(line.ToString().TrimEnd()).Append('\n');
            }

            from = to;
        }
    }

    private static void Head(StringBuilder text, string title) => text.Append('\n').Append(title).Append('\n').Append('-', title.Length).Append('\n');

    private static void Wrap(StringBuilder text, string sentence, string first = "", string rest = "")
    {
        if (sentence.Length == 0) return;
        var (line, isEmpty) = (new StringBuilder(first), true);
        foreach (var word in sentence.Split(' ').SelectMany(word => Pieces(word, Width - rest.Length)))
        {
            if (!isEmpty && Length(line.ToString()) + 1 + Length(word) > Width)
            {
                text.Append(line).Append('\n');
                (line, isEmpty) = (new StringBuilder(rest), true);
            }

            if (!isEmpty) line.Append(' ');
            line.Append(word);
            isEmpty = false;
        }

        text.Append(line).Append('\n');
    }

    // A word that is longer than a line.
    private static IEnumerable<string> Pieces(string word, int width)
    {
        while (Length(word) > width)
        {
            var piece = Start(word, width);
            yield return piece;
            word = word[piece.Length..];
        }

        yield return word;
    }

    private static string Padded(string text, int width) => text + new string(' ', Math.Max(0, width - Length(text)));

    private static string Cut(string text, int width)
    {
        if (Length(text) <= width) return text;
        var start = Start(text, width - 1);
        return start.Count(c => c == Escape.First) > start.Count(c => c == Escape.Last) ? $"{start}{Escape.Last}…" : $"{start}…";
    }

    private static string Start(string text, int width)
    {
        var elements = StringInfo.GetTextElementEnumerator(text);
        var (result, length) = (new StringBuilder(), 0);
        while (length < width && elements.MoveNext())
        {
            var element = elements.GetTextElement();
            result.Append(element);
            length += Length(element);
        }

        return result.ToString();
    }

    private static int Length(string text) => new StringInfo(text).LengthInTextElements - text.Count(c => c is Escape.First or Escape.Last);
}

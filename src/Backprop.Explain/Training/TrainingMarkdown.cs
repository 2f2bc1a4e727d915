using System.Globalization;
using System.Text;

namespace Backprop.Explain;

/// <summary>A report as Markdown, with the tables that GitHub renders.</summary>
internal static class TrainingMarkdown
{
    private const int Rows = 40;

    internal static string Write(TrainingReport report)
    {
        var (text, record) = (new StringBuilder(), report.Record);
        text.Append(CultureInfo.InvariantCulture, $"# {TrainingTables.Title}\n\n");
        text.Append(string.Join("  \n", TrainingTables.Summary(record).Select(Escape.Markdown))).Append('\n');

        text.Append(CultureInfo.InvariantCulture, $"\n## {(report.Findings.Count == 0 ? "Nothing found" : "What is wrong")}\n\n");
        for (var i = 0; i < report.Findings.Count; i++)
        {
            var finding = report.Findings[i];
            text.Append(CultureInfo.InvariantCulture, $"{i + 1}. **{Escape.Markdown(finding.Title)}.** {Escape.Markdown(finding.Evidence)}  \n   *{Escape.Markdown(finding.Suggestion)}*\n");
        }

        if (report.Findings.Count > 0) text.Append('\n');
        if (report.NotFound.Count > 0) text.Append(Escape.Markdown(TrainingTables.NotFound(report))).Append('\n');
        if (record.History.Epochs.Count > 0)
        {
            text.Append("\n## Over the epochs\n\n");
            var (head, rows) = TrainingTables.Epochs(record.History, Rows);
            Table(text, head, rows, isNameFirst: false);
        }

        if (record.Layers.Count > 0 && record.Samples.Count > 0)
        {
            text.Append("\n## Layer by layer\n\n");
            Table(text, TrainingTables.LayersHead, TrainingTables.Layers(record), isNameFirst: true);
            text.Append(CultureInfo.InvariantCulture, $"\n{Escape.Markdown(TrainingTables.LayersNote)}\n");
        }

        return text.ToString();
    }

    private static void Table(StringBuilder text, string[] head, string[][] rows, bool isNameFirst)
    {
        Row(head);
        text.Append(isNameFirst ? "|:--" : "|--:").Append(string.Concat(Enumerable.Repeat("|--:", head.Length - 1))).Append("|\n");
        foreach (var row in rows) Row(row);

        void Row(string[] cells) => text.Append("| ").Append(string.Join(" | ", cells.Select(Escape.Markdown))).Append(" |\n");
    }
}

using System.Globalization;
using System.Text;
using static System.FormattableString;

namespace Backprop.Explain;

/// <summary>A report as one HTML page.</summary>
internal static class TrainingHtml
{
    private const int Rows = 200, MostDots = 40;

    // Ink for training, one colour for validation, one for what is wrong. The last is used for nothing else.
    private const string Style = """
        :root{--paper:#fffdf9;--ink:#1d1b18;--soft:#69635a;--rule:#d9d3c7;--other:#1f5f99;--wrong:#a3271b;color-scheme:light dark}
        @media (prefers-color-scheme:dark){:root{--paper:#171614;--ink:#e9e4da;--soft:#a69f92;--rule:#3d3932;--other:#7db4e6;--wrong:#f08a78}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.55 "Iowan Old Style","Palatino Linotype",Palatino,"Book Antiqua",Georgia,serif;overflow-wrap:anywhere}
        main{max-width:51rem;margin:0 auto;padding:3.5rem 1.25rem 5rem}
        h1{font-size:2rem;line-height:1.2;font-weight:normal;margin:0 0 1.5rem}
        h2{font-size:1.25rem;font-weight:normal;font-style:italic;margin:3rem 0 1rem}
        p{margin:0 0 .6rem;max-width:38rem}
        .soft,figcaption{color:var(--soft);font-size:.9rem}
        ol{margin:0;padding:0 0 0 1.6rem;max-width:39rem}
        ol li{margin:0 0 1.4rem}
        ol li::marker{color:var(--wrong)}
        ol b{font-weight:600;color:var(--wrong)}
        ol p{margin:.2rem 0 0}
        ol .try{font-style:italic}
        .charts+.wide{margin-top:2rem}
        .charts{display:flex;flex-wrap:wrap;gap:1.5rem 2rem}
        figure{margin:0;flex:1 1 19rem;max-width:22rem}
        figcaption{margin:0 0 .3rem}
        svg{display:block;width:100%;height:auto;overflow:visible}
        svg.small{width:60px;height:20px;display:inline-block;vertical-align:middle}
        td.over{padding-left:1rem}
        .over+td{padding-left:.4rem}
        .layers thead th:first-child{text-align:left}
        svg text{fill:var(--soft);font-size:11px;font-variant-numeric:tabular-nums lining-nums}
        .grid{stroke:var(--rule);stroke-width:.6}
        .axis{stroke:var(--soft);stroke-width:.8}
        .line{fill:none;stroke:var(--ink);stroke-width:1.4;stroke-linejoin:round;stroke-linecap:round}
        .dot{fill:var(--ink)}
        .line.validation{stroke:var(--other)}
        .dot.validation{fill:var(--other)}
        .line.part{stroke:var(--soft);stroke-dasharray:4 3}
        .dot.part{fill:var(--soft)}
        .line.faint{stroke:var(--rule)}
        svg text.name{fill:var(--ink)}
        svg text.name.validation{fill:var(--other)}
        svg text.name.part{fill:var(--soft)}
        .wide{overflow-x:auto;margin:0 0 .8rem}
        .wide:focus-visible,summary:focus-visible{outline:2px solid var(--other);outline-offset:2px}
        table{border-collapse:collapse;font-size:.88rem;line-height:1.4;font-variant-numeric:tabular-nums lining-nums}
        th,td{padding:.22rem 0 .22rem 1.1rem;text-align:right;white-space:nowrap;font-weight:normal}
        th:first-child,td:first-child{padding-left:0}
        thead th{border-bottom:1px solid var(--ink);border-top:1px solid var(--ink);color:var(--soft);vertical-align:bottom}
        tbody tr:last-child>*{border-bottom:1px solid var(--ink)}
        .layers th[scope=row]{text-align:left;white-space:normal;min-width:8rem;max-width:14rem}
        .layers th[scope=row] span{color:var(--soft)}
        details{margin:1.2rem 0 0}
        summary{cursor:pointer;color:var(--soft)}
        details .wide{margin-top:.8rem}
        @media (max-width:30rem){main{padding:2rem 1rem 3rem}h1{font-size:1.6rem}figure{max-width:none}}
        @media print{:root{--paper:#fff;--ink:#000;--soft:#555;--rule:#ccc;--other:#1f5f99;--wrong:#a3271b}body{font-size:10pt}main{max-width:none;padding:0}figure,li,tr{break-inside:avoid}h2{break-after:avoid}.wide{overflow:visible}table{font-size:7.5pt}th,td{padding-left:.6rem}svg.small{width:40px}}
        """;

    internal static string Write(TrainingReport report)
    {
        var (html, record) = (new StringBuilder(), report.Record);
        html.Append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
        html.Append(CultureInfo.InvariantCulture, $"<title>{TrainingTables.Title}</title>\n<style>\n{Style}\n</style>\n</head>\n<body>\n<main>\n<h1>{TrainingTables.Title}</h1>\n");
        foreach (var sentence in TrainingTables.Summary(record)) Paragraph(html, sentence);
        Findings(html, report);
        if (record.History.Epochs.Count > 0) Epochs(html, record.History);
        if (record.Samples.Count > 0) Layers(html, record);
        return html.Append("</main>\n</body>\n</html>\n").ToString();
    }

    private static void Findings(StringBuilder html, TrainingReport report)
    {
        html.Append(CultureInfo.InvariantCulture, $"<section aria-labelledby=\"wrong\">\n<h2 id=\"wrong\">{(report.Findings.Count == 0 ? "Nothing found" : "What is wrong")}</h2>\n");
        if (report.Findings.Count > 0)
        {
            html.Append("<ol>\n");
            foreach (var finding in report.Findings)
                html.Append(CultureInfo.InvariantCulture, $"<li><b>{Escape.Html(finding.Title)}.</b>\n<p>{Escape.Html(finding.Evidence)}</p>\n<p class=\"try\">{Escape.Html(finding.Suggestion)}</p></li>\n");
            html.Append("</ol>\n");
        }

        if (report.NotFound.Count > 0) Paragraph(html, TrainingTables.NotFound(report), " class=\"soft\"");
        html.Append("</section>\n");
    }

    private static void Epochs(StringBuilder html, History history)
    {
        double[] x = [.. history.Epochs.Select(epoch => (double)epoch.Epoch)];
        html.Append("<section aria-labelledby=\"epochs\">\n<h2 id=\"epochs\">Over the epochs</h2>\n<div class=\"charts\">\n");
        var losses = new List<Chart.Line> { new("training", "training", x, [.. history.Epochs.Select(epoch => (double?)epoch.TrainingLoss)]) };
        if (history.Epochs.Any(epoch => epoch.ValidationLoss is not null)) losses.Add(new("validation", "validation", x, [.. history.Epochs.Select(epoch => epoch.ValidationLoss)]));
        Figure(html, "loss", "Loss", "epoch", losses);
        var parts = TrainingTables.Parts(history).Select(part => new Chart.Line(part.Name["part ".Length..], "part", x, part.Values)).ToArray();
        if (parts.Length > 0) Figure(html, "parts", "Parts of the training loss", "epoch", parts);
        foreach (var (metric, i) in TrainingTables.Metrics(history).Select((metric, i) => (metric, i)))
            Figure(html, Invariant($"metric{i}"), $"Validation samples: {metric.Name}", "epoch", [new(metric.Name, "validation", x, metric.Values)]);
        Figure(html, "rate", "Learning rate", "epoch", [new("rate", "training", x, [.. history.Epochs.Select(epoch => (double?)epoch.LearningRate)])]);
        var (head, rows) = TrainingTables.Epochs(history, Rows);
        html.Append(CultureInfo.InvariantCulture, $"</div>\n<details><summary>The numbers{(rows.Length < x.Length ? $", {Say.Count(rows.Length)} of {Say.Count(x.Length)} epochs" : "")}</summary>\n");
        Wide(html, "Losses and metrics, epoch by epoch");
        Head(html, head);
        foreach (var row in rows) html.Append("<tr><th scope=\"row\">").Append(row[0]).Append("</th>").Append(string.Concat(row.Skip(1).Select(cell => $"<td>{Escape.Html(cell)}</td>"))).Append("</tr>\n");
        html.Append("</tbody></table></div></details>\n</section>\n");
    }

    private static void Layers(StringBuilder html, TrainingRecord record)
    {
        html.Append("<section aria-labelledby=\"layers\">\n<h2 id=\"layers\">Layer by layer</h2>\n<div class=\"charts\">\n");
        Figure(html, "steps", "Loss of a batch", "step", [new("batch", "training", [.. record.Samples.Select(sample => (double)sample.Step)], [.. record.Samples.Select(sample => double.IsNaN(sample.Loss) ? null : (double?)sample.Loss)])]);
        var norms = record.Layers.Select((layer, i) => (Name: layer.Path.Length > 0 ? layer.Path : layer.Description, Value: TrainingRecord.Median(record.Of(i, sample => sample.OutputGradient).Where(norm => norm > 0)))).Where(row => row.Value > 0 && double.IsFinite(row.Value)).ToArray();
        if (norms.Length > 1)
        {
            (string Name, double Value)[] shown = [.. TrainingTables.Some(norms.Length, MostDots).Select(i => norms[i])];
            var description = $"The norm of dL/dy on a logarithmic scale, a row for each {(shown.Length < norms.Length ? "of some layers" : "layer")}: from {Say.Number(norms[^1].Value)} at {norms[^1].Name}, the last, to {Say.Number(norms[0].Value)} at {norms[0].Name}, the first. The table below has all.";
            html.Append(CultureInfo.InvariantCulture, $"<figure><figcaption>The gradient, from the output (below) to the input: norm of dL/dy, median over the steps</figcaption>{Chart.Dots("flow", "The gradient from output to input", description, shown)}</figure>\n");
        }

        html.Append("</div>\n");
        Wide(html, "What each layer did", " class=\"layers\"");
        html.Append("<tr><th scope=\"col\">layer</th>").Append(string.Concat(TrainingTables.LayersHead.Skip(1).Where(name => name != "at the end").Select(name => $"<th scope=\"col\" colspan=\"2\">{name}</th>"))).Append("</tr></thead><tbody>\n");
        (Func<LayerSample, double> Of, bool IsLog)[] columns = [(sample => sample.Gradient, true), (sample => sample.Update, true), (sample => sample.OutputGradient, true), (sample => sample.Dead, false), (sample => sample.Saturated, false)];
        var ranges = columns.Select(column => Range(record, column.Of, column.IsLog)).ToArray();
        var cells = TrainingTables.Layers(record);
        for (var i = 0; i < record.Layers.Count; i++)
        {
            var layer = record.Layers[i];
            html.Append(CultureInfo.InvariantCulture, $"<tr><th scope=\"row\">{(layer.Path.Length > 0 ? $"<bdi>{Escape.Html(layer.Path)}</bdi> " : "")}<span><bdi>{Escape.Html(layer.Description)}</bdi></span></th>");
            for (var j = 0; j < columns.Length; j++)
            {
                var values = record.Of(i, columns[j].Of);
                var cell = j > 0 ? cells[i][j + 2] : values.Count == 0 ? cells[i][1] : cells[i][2];     // of the gradient, the end
                var line = values.Count < 2 ? "" : Chart.Small($"over the steps: first {Say.Number(values[0])}, last {Say.Number(values[^1])}", values, ranges[j].Least, ranges[j].Most, columns[j].IsLog);
                html.Append(CultureInfo.InvariantCulture, $"<td class=\"over\">{line}</td><td>{Escape.Html(cell)}</td>");
            }

            html.Append("</tr>\n");
        }

        html.Append("</tbody></table></div>\n");
        Paragraph(html, $"Gradient: the norm of that of the parameters, in the median of the last quarter of the steps looked at. {TrainingTables.OtherColumns} Small lines go over the steps; those of a column share one scale, logarithmic but for the shares.", " class=\"soft\"");
        html.Append("</section>\n");
    }

    private static (double Least, double Most) Range(TrainingRecord record, Func<LayerSample, double> of, bool isLog)
    {
        if (!isLog) return (0, 1);
        var values = record.Samples.SelectMany(sample => sample.Layers).Select(of).Where(value => value > 0 && double.IsFinite(value)).ToArray();
        return values.Length == 0 ? (0.1, 1) : (values.Min(), values.Max());
    }

    private static void Figure(StringBuilder html, string id, string title, string xLabel, IReadOnlyList<Chart.Line> lines)
    {
        var description = string.Join(" ", lines.Select(line => $"{line.Name}: from {Ends(line.Y.Count > 0 ? line.Y[0] : null)} to {Ends(line.Y.Count > 0 ? line.Y[^1] : null)}."));
        html.Append(CultureInfo.InvariantCulture, $"<figure><figcaption>{Escape.Html(title)}</figcaption>{Chart.Lines(id, title, description, xLabel, lines)}</figure>\n");

        static string Ends(double? value) => value is double number ? Say.Number(number) : "none";
    }

    private static void Wide(StringBuilder html, string label, string table = "") => html.Append(CultureInfo.InvariantCulture, $"<div class=\"wide\" role=\"region\" aria-label=\"{label}\" tabindex=\"0\"><table{table}><thead>");

    private static void Head(StringBuilder html, IEnumerable<string> cells) => html.Append("<tr>").Append(string.Concat(cells.Select(cell => $"<th scope=\"col\">{Escape.Html(cell)}</th>"))).Append("</tr></thead><tbody>\n");

    private static void Paragraph(StringBuilder html, string text, string attributes = "") => html.Append(CultureInfo.InvariantCulture, $"<p{attributes}>{Escape.Html(text)}</p>\n");
}

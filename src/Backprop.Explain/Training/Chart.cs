using System.Globalization;
using System.Text;

namespace Backprop.Explain;

/// <summary>A drawing in SVG: lines over a number, small ones for a table, and dots layer by layer. It takes its colours from the page.</summary>
internal sealed class Chart
{
    private const double Width = 340, Height = 210, Left = 50, Right = 92, Top = 12, Bottom = 34;
    private const int MostPoints = 240;

    /// <summary>One line of a chart.</summary>
    /// <param name="Name">What stands beside it.</param>
    /// <param name="Kind">The class that gives it its colour.</param>
    /// <param name="X">Where.</param>
    /// <param name="Y">How much; null for nothing.</param>
    internal readonly record struct Line(string Name, string Kind, IReadOnlyList<double> X, IReadOnlyList<double?> Y);

    /// <summary>Lines over the epochs or the steps.</summary>
    internal static string Lines(string id, string title, string description, string xLabel, IReadOnlyList<Line> lines)
    {
        var finite = lines.SelectMany(line => line.Y).Where(IsNumber).Select(value => value!.Value).ToArray();
        var isLog = finite.Length > 0 && finite.Min() > 0 && finite.Max() / finite.Min() > 50;
        var y = finite.Length == 0 ? new Axis(0, 1, false) : new Axis(finite.Min(), finite.Max(), isLog);
        double first = lines.Min(line => line.X[0]), last = Math.Max(lines.Max(line => line.X[^1]), first);
        double X(double value) => Left + (last > first ? (value - first) / (last - first) : 0.5) * (Width - Left - Right);
        double Y(double value) => Height - Bottom - y.At(value) * (Height - Top - Bottom);

        var svg = Begin(id, title, description, Width, Height);
        foreach (var tick in y.Ticks())
            Add(svg, $"<line class=\"grid\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(tick):0.#}\" y2=\"{Y(tick):0.#}\"/><text x=\"{Left - 6}\" y=\"{Y(tick) + 4:0.#}\" text-anchor=\"end\">{Tick(tick)}</text>");
        foreach (var tick in XTicks(first, last))
            Add(svg, $"<line class=\"axis\" x1=\"{X(tick):0.#}\" x2=\"{X(tick):0.#}\" y1=\"{Height - Bottom}\" y2=\"{Height - Bottom + 4}\"/><text x=\"{X(tick):0.#}\" y=\"{Height - Bottom + 16}\" text-anchor=\"middle\">{tick:0}</text>");
        Add(svg, $"<line class=\"axis\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Height - Bottom}\" y2=\"{Height - Bottom}\"/><text x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 3}\" text-anchor=\"middle\">{xLabel}{(isLog ? " (vertical scale logarithmic)" : "")}</text>");
        if (finite.Length == 0) Add(svg, $"<text x=\"{(Left + Width - Right) / 2}\" y=\"{Height / 2}\" text-anchor=\"middle\">no finite number</text>");

        var labels = new List<(double At, Line Line)>();
        foreach (var line in lines)
        {
            var (points, end) = (TrainingTables.Some(line.Y.Count, MostPoints), (double?)null);
            Path(svg, line.Kind, points.Select(i => IsNumber(line.Y[i]) ? (X(line.X[i]), Y(line.Y[i]!.Value)) : ((double, double)?)null));
            // Where a number is not finite, a cross stands on the upper edge.
            foreach (var i in Enumerable.Range(0, line.Y.Count).Where(i => line.Y[i] is double value && !double.IsFinite(value)).Take(MostPoints))
                Add(svg, $"<path class=\"line {line.Kind}\" d=\"M{X(line.X[i]) - 3:0.#} {Top - 3}l6 6m0 -6l-6 6\"/>");
            for (var i = line.Y.Count - 1; i >= 0 && end is null; i--)
                if (IsNumber(line.Y[i])) end = Y(line.Y[i]!.Value);
            labels.Add((end ?? Top, line));
        }

        // Names stand beside the ends of their lines, moved apart where they would cover each other.
        labels.Sort((a, b) => a.At.CompareTo(b.At));
        const double Apart = 13;
        var placed = new double[labels.Count];
        for (var k = 0; k < placed.Length; k++) placed[k] = Math.Max(labels[k].At, k > 0 ? placed[k - 1] + Apart : Top);
        for (var k = placed.Length - 1; k >= 0; k--) placed[k] = Math.Min(placed[k], (k < placed.Length - 1 ? placed[k + 1] : Height - Bottom + Apart) - Apart);
        for (var k = 0; k < placed.Length; k++) Add(svg, $"<text class=\"name {labels[k].Line.Kind}\" x=\"{Width - Right + 6}\" y=\"{placed[k] + 4:0.#}\">{Escape.Html(Short(labels[k].Line.Name, 15))}</text>");
        return svg.Append("</svg>").ToString();
    }

    /// <summary>A line without axes, as high as a line of text, on a scale that it shares with others.</summary>
    internal static string Small(string label, IReadOnlyList<double> values, double least, double most, bool isLog)
    {
        const double W = 60, H = 20;
        var axis = new Axis(least, most, isLog, isNice: false);
        var svg = new StringBuilder();
        Add(svg, $"<svg class=\"small\" role=\"img\" viewBox=\"0 0 {W} {H}\" width=\"{W}\" height=\"{H}\" aria-label=\"{Escape.Html(label)}\">");
        var shown = TrainingTables.Some(values.Count, 64);
        Path(svg, "training", shown.Select((i, k) => double.IsFinite(values[i]) && (!isLog || values[i] > 0)
            ? (1 + (shown.Length > 1 ? (double)k / (shown.Length - 1) : 0.5) * (W - 2), H - 2 - axis.At(values[i]) * (H - 4)) : ((double, double)?)null));
        return svg.Append("</svg>").ToString();
    }

    /// <summary>A dot for each layer, on a logarithmic scale: one row each, the first layer above.</summary>
    internal static string Dots(string id, string title, string description, IReadOnlyList<(string Name, double Value)> rows)
    {
        const double Row = 17, W = 340;
        const int MostOfName = 20;
        var names = 14 + 6.0 * rows.Max(row => Math.Min(row.Name.Length, MostOfName));
        var axis = new Axis(rows.Min(row => row.Value), rows.Max(row => row.Value), isLog: true);
        var height = rows.Count * Row + 30;
        double X(double value) => names + axis.At(value) * (W - names - 20);
        var svg = Begin(id, title, description, W, height);
        foreach (var tick in axis.Ticks())
            Add(svg, $"<line class=\"grid\" x1=\"{X(tick):0.#}\" x2=\"{X(tick):0.#}\" y1=\"2\" y2=\"{rows.Count * Row + 4}\"/><text x=\"{X(tick):0.#}\" y=\"{rows.Count * Row + 18}\" text-anchor=\"middle\">{Tick(tick)}</text>");
        Path(svg, "training faint", rows.Select((row, i) => ((double, double)?)(X(row.Value), i * Row + 11)));
        for (var i = 0; i < rows.Count; i++)
            Add(svg, $"<circle class=\"dot\" cx=\"{X(rows[i].Value):0.#}\" cy=\"{i * Row + 11}\" r=\"3\"/><text x=\"{names - 10:0.#}\" y=\"{i * Row + 15}\" text-anchor=\"end\">{Escape.Html(Short(rows[i].Name, MostOfName))}</text>");
        return svg.Append("</svg>").ToString();
    }

    private static StringBuilder Begin(string id, string title, string description, double width, double height)
    {
        var svg = new StringBuilder();
        Add(svg, $"<svg role=\"img\" viewBox=\"0 0 {width} {height}\" aria-labelledby=\"{id}-t {id}-d\"><title id=\"{id}-t\">{Escape.Html(title)}</title><desc id=\"{id}-d\">{Escape.Html(description)}</desc>");
        return svg;
    }

    private static void Path(StringBuilder svg, string kind, IEnumerable<(double X, double Y)?> points)
    {
        var (path, isOpen, single) = (new StringBuilder(), false, new List<(double X, double Y)>());
        (double X, double Y)? alone = null;
        foreach (var point in points.Append(null))
        {
            if (point is not var (x, y))
            {
                if (alone is { } only) single.Add(only);
                (isOpen, alone) = (false, null);
                continue;
            }

            path.Append(CultureInfo.InvariantCulture, $"{(isOpen ? 'L' : 'M')}{x:0.#} {y:0.#}");
            alone = isOpen ? null : (x, y);
            isOpen = true;
        }

        if (path.Length > 0) Add(svg, $"<path class=\"line {kind}\" d=\"{path}\"/>");
        // A number without a neighbour is no line: it gets a dot.
        foreach (var (x, y) in single) Add(svg, $"<circle class=\"dot {kind}\" cx=\"{x:0.#}\" cy=\"{y:0.#}\" r=\"2\"/>");
    }

    private static List<double> XTicks(double first, double last)
    {
        if (last <= first) return [first];
        var step = Math.Max(1, Axis.NiceStep((last - first) / 4));
        var ticks = new List<double> { first };
        for (var tick = Math.Ceiling((first + step / 2) / step) * step; tick <= last; tick += step) ticks.Add(tick);
        return ticks;
    }

    private static string Tick(double value) => value != 0 && Math.Abs(value) is < 1e-3 or >= 1e5 ? value.ToString("0.#e-0", CultureInfo.InvariantCulture) : value.ToString("0.######", CultureInfo.InvariantCulture);

    private static string Short(string text, int most) => text.Length <= most ? text : $"{text[..(char.IsHighSurrogate(text[most - 2]) ? most - 2 : most - 1)]}…";

    private static bool IsNumber(double? value) => value is double number && double.IsFinite(number);

    private static void Add(StringBuilder svg, FormattableString text) => svg.Append(FormattableString.Invariant(text));
}

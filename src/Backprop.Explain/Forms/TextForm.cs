using System.Globalization;
using System.Text;

namespace Backprop.Explain;

/// <summary>Explanations as text of 80 columns.</summary>
internal static class TextForm
{
    private const int Width = 80, Terms = 12, MostRows = 10, MostColumns = 6;

    public static string Of(Answer answer)
    {
        var text = new StringBuilder();
        var quantity = answer.Entry.Quantity;
        Paragraph(text, $"{Escape.Text(answer.Entry.Address)} = {Numbers.Full(answer.Value)}", "    ");
        if (Meaning(quantity) is { Length: > 0 } meaning) Paragraph(text, $"  {meaning}", "  ");
        if (answer.Formula is { } formula) Paragraph(text, $"  {TextPrinter.Short(formula)}", "      ");
        if (answer.Numbers is { } numbers)
        {
            var shortened = numbers.Shortened(Terms);
            Paragraph(text, $"    = {TextPrinter.WithAddresses(shortened)}", "      ");
            Paragraph(text, $"    = {TextPrinter.Short(shortened)}", "      ");
            Paragraph(text, $"    = {Numbers.Short(answer.Computed)}", "      ");
        }

        if (answer.Influences.Count > 0) Paragraph(text, $"  moves with {string.Join(", ", answer.Influences.Select(one => $"{Escape.Text(((Entry)one.By).Address)} ({Numbers.Short(one.Number)})"))}", "      ");
        if (answer.IsGeneric) Paragraph(text, "  Local derivatives by the layer's own backward pass.", "  ");
        if (answer.Note is { } note) Paragraph(text, $"  {Escape.Text(note)}", "  ");
        if (!answer.Agrees) Paragraph(text, $"  WRONG: the formula gives {Numbers.Full(answer.Computed)}, the library {Numbers.Full(answer.Value)}.", "  ");
        return text.ToString();
    }

    public static string Of(Explanation explanation)
    {
        var text = new StringBuilder();
        var title = Escape.Text(explanation.Title);
        Paragraph(text, title, "");
        text.Append('=', Math.Min(Width, title.Length)).Append('\n');
        Paragraph(text, Summary(explanation), "");
        foreach (var problem in explanation.Problems) Paragraph(text, $"! {Escape.Text(problem)}", "  ");

        Heading(text, "Forward");
        Show(text, explanation, explanation.Input);
        foreach (var layer in explanation.Layers)
        {
            Paragraph(text, $"\n{Escape.Text(layer.Path.Length == 0 ? layer.Name : layer.Path)}: {Escape.Text(layer.Text)}", "    ");
            if (layer.Formulas.Count > 0) Paragraph(text, $"  {TextPrinter.Short(layer.Formulas[0])}", "      ");
            else if (layer.Formula.Length > 0) Paragraph(text, $"  {layer.Formula}", "      ");
            foreach (var parameter in layer.Parameters) Show(text, explanation, parameter);
            if (!IsShownBefore(explanation, layer)) Show(text, explanation, layer.Output);
            foreach (var fact in layer.Facts) Paragraph(text, $"  {fact}", "  ");
        }

        if (explanation.Loss is { } loss)
        {
            Heading(text, $"Loss: {loss.Text}");
            Show(text, explanation, loss.Target);
            text.Append(Of(explanation.Ask(loss.Value, 0, 0)));
            Heading(text, "Backward");
            foreach (var gradient in explanation.Quantities.Where(quantity => quantity.Kind == QuantityKind.Gradient)) Show(text, explanation, gradient);
            if (explanation.Options.LearningRate is double rate)
            {
                Heading(text, $"Update: one step of gradient descent, learning rate {Numbers.Full(rate)}");
                foreach (var next in explanation.Quantities.Where(quantity => quantity.Kind == QuantityKind.Next)) Show(text, explanation, next);
            }
        }

        return text.ToString();
    }

    internal static string Summary(Explanation explanation)
    {
        var samples = explanation.Input.Rows;
        var text = $"{Numbers.Of(samples)} sample{(samples == 1 ? "" : "s")}, in {(explanation.IsFloat ? "float" : "double")}, {(explanation.Options.Training ? "as in training" : "as in evaluation")}.";
        return explanation.Loss is { } loss ? $"{text} The loss is {Numbers.Full(loss.Value.ValueAt(0, 0))}." : $"{text} Without a loss, and so without gradients.";
    }

    internal static string Meaning(Quantity quantity) => quantity.Kind switch
    {
        QuantityKind.Data => "given",
        QuantityKind.Parameter => quantity.Frozen ? "a parameter, frozen" : "a parameter, or what the layer keeps",
        QuantityKind.Gradient => $"the gradient of the loss with respect to {Escape.Text(quantity.Of!.Address)}",
        QuantityKind.Next => $"{Escape.Text(quantity.Of!.Address)} after one step of gradient descent",
        _ => "",
    };

    /// <summary>What a reader sees of a matrix that is too large to be shown.</summary>
    internal static string Distribution(Quantity quantity)
    {
        var s = QuantitySummary.Of(quantity);
        var largest = string.Join(", ", s.Largest.Take(3).Select(entry => $"{Escape.Text(entry.Address)} = {Numbers.Short(entry.Value)}"));
        return $"min {Numbers.Short(s.Min)}, quartiles {Numbers.Short(s.Q1)}, {Numbers.Short(s.Median)}, {Numbers.Short(s.Q3)}, max {Numbers.Short(s.Max)}; norm {Numbers.Short(s.Norm)}; {Numbers.Short(Math.Round(100 * s.Zeros, 1))} % are 0; largest: {largest}";
    }

    /// <summary>Whether a layer gives what another has given: a container its last child's output.</summary>
    internal static bool IsShownBefore(Explanation explanation, ExplainedLayer layer) => ReferenceEquals(layer.Output, layer.Input) || explanation.Layers.Any(other => other.Depth > layer.Depth && ReferenceEquals(other.Output, layer.Output));

    private static void Heading(StringBuilder text, string title)
    {
        text.Append('\n');
        Paragraph(text, title, "");
        text.Append('-', Math.Min(Width, title.Length)).Append('\n');
    }

    private static void Show(StringBuilder text, Explanation explanation, Quantity quantity)
    {
        Paragraph(text, $"\n  {Escape.Text(quantity.ToString())}", "    ");
        if (quantity.Count == 0)
        {
            text.Append("    empty\n");
            return;
        }

        if (quantity.Rows <= MostRows && quantity.Columns <= MostColumns)
        {
            var aligned = Numbers.Aligned(from e in Enumerable.Range(0, quantity.Count) select quantity.ValueAt(e % quantity.Rows, e / quantity.Rows));
            for (var i = 0; i < quantity.Rows; i++)
            {
                text.Append("    ");
                for (var j = 0; j < quantity.Columns; j++) text.Append(CultureInfo.InvariantCulture, $"{aligned(quantity.ValueAt(i, j)),12}");
                text.Append('\n');
            }
        }
        else
        {
            Paragraph(text, $"    {Distribution(quantity)}", "    ");
        }

        if (quantity.Rules.Count == 0) return;
        text.Append("    for example\n");
        foreach (var line in Of(explanation.Ask(quantity, 0, 0)).TrimEnd('\n').Split('\n')) Paragraph(text, $"      {line}", "        ");
    }

    /// <summary>Wraps between words; a word that is too long stays as it is.</summary>
    private static void Paragraph(StringBuilder text, string paragraph, string indent)
    {
        foreach (var line in paragraph.Split('\n'))
        {
            var start = line.Length - line.TrimStart(' ').Length;
            var column = start;
            text.Append(' ', start);
            foreach (var word in line[start..].Split(' '))
            {
                if (column > start && column + 1 + word.Length > Width)
                {
                    text.Append('\n').Append(indent);
                    column = indent.Length;
                }
                else if (column > start)
                {
                    text.Append(' ');
                    column++;
                }

                text.Append(word.Replace('\u00a0', ' '));
                column += word.Length;
            }

            text.Append('\n');
        }
    }
}

using System.Text;

namespace Backprop.Explain;

/// <summary>Explanations as Markdown, formulas in LaTeX, as GitHub renders it.</summary>
internal static class MarkdownForm
{
    private const int Terms = 12, MostRows = 16, MostColumns = 8;

    public static string Of(Explanation explanation)
    {
        var text = new StringBuilder();
        text.Append("# ").Append(Escape.Markdown(explanation.Title)).Append("\n\n").Append(TextForm.Summary(explanation)).Append('\n');
        foreach (var problem in explanation.Problems) text.Append("\n> **").Append(Escape.Markdown(problem)).Append("**\n");

        text.Append("\n## Forward\n");
        Show(text, explanation, explanation.Input);
        foreach (var layer in explanation.Layers)
        {
            text.Append("\n### ").Append(Escape.Markdown(layer.Path.Length == 0 ? layer.Name : layer.Path)).Append(": ").Append(Escape.Markdown(layer.Text)).Append('\n');
            if (layer.Formulas.Count == 0 && layer.Formula.Length > 0) text.Append('\n').Append(Code(layer.Formula)).Append(layer.Derivative.Length > 0 ? ",  " : "").Append(layer.Derivative.Length > 0 ? Code(layer.Derivative) : "").Append('\n');
            foreach (var formula in layer.Formulas) Formula(text, formula);
            if (layer.Formulas.Count > 0) text.Append("\nHere ").Append(string.Join(", ", layer.Legend.Select(pair => $"{pair.Symbol} = {Code(pair.Quantity.Address)}"))).Append(".\n");
            foreach (var parameter in layer.Parameters) Show(text, explanation, parameter);
            if (!TextForm.IsShownBefore(explanation, layer)) Show(text, explanation, layer.Output);
            foreach (var fact in layer.Facts) text.Append('\n').Append(fact).Append('\n');
        }

        if (explanation.Loss is not { } loss) return text.ToString();
        text.Append("\n## Loss: ").Append(Escape.Markdown(loss.Text)).Append('\n');
        foreach (var formula in loss.Formulas) Formula(text, formula);
        Show(text, explanation, loss.Target);
        Example(text, explanation.Ask(loss.Value, 0, 0));
        text.Append("\n## Backward\n");
        foreach (var gradient in explanation.Quantities.Where(quantity => quantity.Kind == QuantityKind.Gradient)) Show(text, explanation, gradient);
        if (explanation.Options.LearningRate is not double rate) return text.ToString();
        text.Append("\n## Update\n\nOne step of gradient descent, learning rate ").Append(Numbers.Full(rate)).Append(".\n");
        foreach (var next in explanation.Quantities.Where(quantity => quantity.Kind == QuantityKind.Next)) Show(text, explanation, next);
        return text.ToString();
    }

    private static void Show(StringBuilder text, Explanation explanation, Quantity quantity)
    {
        text.Append("\n**").Append(Code($"{quantity}")).Append("**").Append(quantity.Of is { } of && quantity.Kind == QuantityKind.Gradient ? $", the gradient with respect to {Code(of.Address)}" : "").Append('\n');
        if (quantity.Count == 0)
        {
            text.Append("\nempty\n");
            return;
        }

        if (quantity.Rows <= MostRows && quantity.Columns <= MostColumns)
        {
            text.Append('\n').Append('|').Append(string.Concat(Enumerable.Range(0, quantity.Columns).Select(j => $" {Numbers.Of(j)} |"))).Append('\n');
            text.Append('|').Append(string.Concat(Enumerable.Repeat("---:|", quantity.Columns))).Append('\n');
            for (var i = 0; i < quantity.Rows; i++) text.Append('|').Append(string.Concat(Enumerable.Range(0, quantity.Columns).Select(j => $" {Numbers.Short(quantity.ValueAt(i, j))} |"))).Append('\n');
        }
        else
        {
            text.Append('\n').Append(Escape.Markdown(TextForm.Distribution(quantity))).Append('\n');
        }

        if (quantity.Rules.Count > 0) Example(text, explanation.Ask(quantity, 0, 0));
    }

    private static void Example(StringBuilder text, Answer answer)
    {
        text.Append("\nFor example ").Append(Code(answer.Entry.Address)).Append(":\n");
        if (answer.Formula is { } formula) Formula(text, formula);
        if (answer.Numbers is { } numbers) text.Append("\n$$\n").Append(LatexPrinter.Of(numbers.Shortened(Terms))).Append(" = ").Append(LatexPrinter.Of(answer.Value)).Append("\n$$\n");
        else text.Append('\n').Append(Numbers.Full(answer.Value)).Append('\n');
        if (answer.Influences.Count > 0) text.Append("\nIt moves with ").Append(string.Join(", ", answer.Influences.Select(one => $"{Code(((Entry)one.By).Address)} ({Numbers.Short(one.Number)})"))).Append(".\n");
        if (answer.IsGeneric) text.Append("\nLocal derivatives by the layer's own backward pass.\n");
        if (answer.Note is { } note) text.Append('\n').Append(Escape.Markdown(note)).Append('\n');
        if (!answer.Agrees) text.Append("\n**WRONG: the formula gives ").Append(Numbers.Full(answer.Computed)).Append(", the library ").Append(Numbers.Full(answer.Value)).Append(".**\n");
    }

    private static void Formula(StringBuilder text, Expression formula) => text.Append("\n$$\n").Append(LatexPrinter.Of(formula)).Append("\n$$\n");

    // A run of backticks ends where one of the same length comes: so it is one longer than any within.
    private static string Code(string text)
    {
        var (longest, run) = (0, 0);
        foreach (var c in text) longest = Math.Max(longest, run = c == '`' ? run + 1 : 0);
        var fence = new string('`', longest + 1);
        var space = longest > 0 ? " " : "";
        return $"{fence}{space}{text.ReplaceLineEndings(" ")}{space}{fence}";
    }
}

using System.Numerics;
using Backprop.Torch;
using Spectre.Console;

namespace Backprop.Walkthrough;

/// <summary>The gradients by hand, beside PyTorch's and beside finite differences.</summary>
internal static class NotebookProof
{
    /// <returns>Whether every gradient agrees with both.</returns>
    public static bool Tell<T>(IAnsiConsole console, Notebook<T> notebook) where T : unmanaged, IFloatingPointIeee754<T>
    {
        console.Heading("7. The proof");
        console.Say("The same network in PyTorch, which finds the derivatives by itself, and finite differences, which know of none: "
            + "move one number a little, see how the loss moves, and divide" + (typeof(T) == typeof(double) ? "." : " (in double: too few digits of a float survive)."));

        var gradients = NotebookGradient<T>.Of(notebook);
        using var twin = new NotebookTwin<T>(notebook);
        var torch = twin.Gradients();
        var slopes = NotebookSlopes.Of(notebook as Notebook<double> ?? new Notebook<double>(notebook.Settings));

        var parameters = Screen.NewTable("parameter", "by hand", "PyTorch", "finite\ndifferences", "largest\ndifference");
        var between = Screen.NewTable("between the layers", "largest difference\nfrom PyTorch", "from finite\ndifferences");
        var (decimals, wrong) = (typeof(T) == typeof(double) ? 11 : 9, new List<string>());
        for (var i = 0; i < gradients.Count; i++)
        {
            var gradient = gradients[i];
            var fromTorch = Difference.Between(gradient.ByHand, torch[i], gradient.Tolerance);
            var fromSlopes = Difference.Between(gradient.ByHand.Map(double.CreateChecked), slopes[i], gradient.FiniteDifferenceTolerance);
            if (gradient.IsParameter)
                parameters.AddRow(
                    $"{gradient.Symbol} {gradient.Name}", Screen.Short(gradient.ByHand[0, 0], decimals), Screen.Short(torch[i][0, 0], decimals),
                    Screen.Short(slopes[i][0, 0], decimals), Screen.Size(Math.Max(fromTorch.Absolute, fromSlopes.Absolute)));
            else
                between.AddRow($"dL/d{gradient.Symbol}, {gradient.ByHand.RowCount} value{(gradient.ByHand.RowCount == 1 ? "" : "s")}", Screen.Size(fromTorch.Absolute), Screen.Size(fromSlopes.Absolute));
            if (!fromTorch.IsWithinTolerance) wrong.Add(Sentence(gradient.Symbol, "PyTorch", fromTorch));
            if (!fromSlopes.IsWithinTolerance) wrong.Add(Sentence(gradient.Symbol, "finite differences", fromSlopes));
        }

        console.Write(parameters);
        console.Write(between);
        console.Verdict(wrong.Count == 0, "All gradients agree.", "Not all gradients agree.");
        foreach (var sentence in wrong) console.Say(sentence);
        console.Say($"Allowed: {Tolerance.Of<T>().ToString().Replace("theirs", "g", StringComparison.Ordinal)} from PyTorch's g, {(typeof(T) == typeof(double) ? "a relative 1e-6" : "as much")} from finite differences, and what rounding does where large numbers cancel.");
        if (notebook.Settings with { LearningRate = 0, Steps = 0 } == NotebookSettings.Default with { LearningRate = 0, Steps = 0 })
            console.Say("The notebook printed these four to three digits: 0.0213, 0.0025, -0.0286, -0.1.");
        return wrong.Count == 0;
    }

    private static string Sentence(string symbol, string other, Difference difference) =>
        $"dL/d{symbol} is {Screen.Full(difference.Ours)} by hand, but {Screen.Full(difference.Theirs)} by {other}.";
}

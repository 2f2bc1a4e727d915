using System.Numerics;
using Backprop.Torch;
using MathNet.Numerics.LinearAlgebra;
using Spectre.Console;

namespace Backprop.Walkthrough;

/// <summary>The story's second half: the gradients, factor by factor, from the loss to the hidden layer and to x.</summary>
internal static class NotebookBackward
{
    /// <returns>Whether the factors, multiplied here, give what the library computed.</returns>
    public static bool Tell<T>(IAnsiConsole console, Notebook<T> notebook) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Matrix<T> x = notebook.X, z1 = notebook.Z1, dYHat = notebook.DYHat, dZ1 = notebook.DZ1, dA1 = notebook.DA1;
        Matrix<T> Column(T value) => Matrix<T>.Build.Dense(x.RowCount, 1, value);
        T two = T.CreateChecked(2), n = T.CreateChecked(x.RowCount);
        T w1 = notebook.Hidden.Weight.Value[0, 0], w2 = notebook.Output.Weight.Value[0, 0];

        console.Heading("5. Backward pass");
        console.Say("From right to left. Each step is given the gradient of the loss with respect to what it put out, multiplies it by its own derivative, "
            + "and hands the result to the step before it. That is the chain rule, and all there is to backpropagation.");
        console.WriteLine();
        console.Show("dL/dx <-- hidden <-- dL/da1 <-- sigmoid <-- dL/dz1 <-- output <-- dL/dy_hat");
        console.WriteLine();
        console.Say("It starts with dL/dL = 1. Under each table are the mean and the sum over the points: a weight serves every point, so its gradient is the sum.");

        console.Step("5.1 The loss, back to y_hat");
        console.Show("L = 1/n sum (y_hat - y)^2", "dL/dy_hat = 2/n (y_hat - y)", Library(notebook.LossFunction.Derivative));
        var error = notebook.YHat - notebook.Y;
        NotebookRows.ShowWithMeanAndSum(console, ["x", "y_hat - y", "2/n", "dL/dy_hat"], x, error, Column(two / n), dYHat);
        console.Say("The 2 is the square's, the 1/n the mean's. (The notebook writes y_hat - y in its text. Its code has the 2, and the .mean() at its end supplies the 1/n.)");

        console.Step("5.2 The output layer, back to its weight, its bias and z1");
        console.Show("y_hat = w2 z1 + b2", "dy_hat/dw2 = z1     dy_hat/db2 = 1     dy_hat/dz1 = w2", Library(notebook.Output.Derivative));
        var w2Terms = dYHat.PointwiseMultiply(z1);
        NotebookRows.ShowWithMeanAndSum(console, ["x", "dL/dy_hat", "dy_hat/dw2\n= z1", "dL/dy_hat\n* z1", "dy_hat/dz1\n= w2", "dL/dz1"], x, dYHat, z1, w2Terms, Column(w2), dZ1);
        console.Show(
            $"dL/dw2 = sum of dL/dy_hat * z1 = {Screen.Full(notebook.Output.Weight.Gradient[0, 0])}",
            $"dL/db2 = sum of dL/dy_hat * 1  = {Screen.Full(notebook.Output.Bias!.Gradient[0])}");

        console.Step("5.3 The sigmoid, back to a1");
        console.Show("z1 = 1 / (1 + e^-a1)", "dz1/da1 = z1 (1 - z1)", Library(notebook.Model["activation"].Derivative));
        var slope = z1.Map(z => z * (T.One - z));
        NotebookRows.ShowWithMeanAndSum(console, ["x", "dL/dz1", "z1", "dz1/da1\n= z1 (1 - z1)", "dL/da1"], x, dZ1, z1, slope, dA1);

        console.Step("5.4 The hidden layer, back to its weight, its bias and x");
        console.Show("a1 = w1 x + b1", "da1/dw1 = x     da1/db1 = 1     da1/dx = w1", Library(notebook.Hidden.Derivative));
        var w1Terms = dA1.PointwiseMultiply(x);
        NotebookRows.ShowWithMeanAndSum(console, ["x\n= da1/dw1", "dL/da1", "dL/da1\n* x", "da1/dx\n= w1", "dL/dx"], x, dA1, w1Terms, Column(w1), notebook.DX);
        console.Show(
            $"dL/dw1 = sum of dL/da1 * x = {Screen.Full(notebook.Hidden.Weight.Gradient[0, 0])}",
            $"dL/db1 = sum of dL/da1 * 1 = {Screen.Full(notebook.Hidden.Bias!.Gradient[0])}");
        console.WriteLine();
        console.Say("The notebook's text stops before this layer, and its code before x: dL/dx is what yet another layer to the left would be given.");

        var agrees = Check(console, NotebookGradient<T>.Of(notebook),
            Sum(w1Terms), Sum(dA1), Sum(w2Terms), Sum(dYHat), error * (two / n), dYHat * w2, dZ1.PointwiseMultiply(slope), dA1 * w1);
        TellWhatTheNotebookHid(console, notebook, w1, w2, dYHat.PointwiseMultiply(slope) * w1);
        return agrees;
    }

    private static bool Check<T>(IAnsiConsole console, IReadOnlyList<NotebookGradient<T>> gradients, params ReadOnlySpan<Matrix<T>> products)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (largest, wrong) = (0.0, new List<string>());
        for (var i = 0; i < products.Length; i++)
        {
            var difference = Difference.Between(gradients[i].ByHand, products[i], gradients[i].Tolerance);
            largest = Math.Max(largest, difference.Absolute);
            if (!difference.IsWithinTolerance) wrong.Add($"dL/d{gradients[i].Symbol}");
        }

        console.WriteLine();
        console.Verdict(wrong.Count == 0,
            $"Multiplied factor by factor, all {products.Length} gradients are the library's (largest difference {Screen.Size(largest)}).",
            $"The factors do not give what the library computed: {string.Join(", ", wrong)} (largest difference {Screen.Size(largest)}).");
        return wrong.Count == 0;
    }

    private static void TellWhatTheNotebookHid<T>(IAnsiConsole console, Notebook<T> notebook, T w1, T w2, Matrix<T> dA1) where T : unmanaged, IFloatingPointIeee754<T>
    {
        console.Heading("6. What the notebook hid");
        console.Say("In 5.2 the gradient goes back through the output layer, so it is multiplied by that layer's weight, w2. The notebook's code multiplies by the hidden weight, w1:");
        var table = Screen.NewTable("", "times w2\nthe chain rule", "times w1\nthe notebook");
        table.AddRow("factor dy_hat/dz1", Screen.Full(w2), Screen.Full(w1));
        table.AddRow("dL/dw1", Screen.Short(notebook.Hidden.Weight.Gradient[0, 0], 12), Screen.Short(Sum(dA1.PointwiseMultiply(notebook.X))[0, 0], 12));
        table.AddRow("dL/db1", Screen.Short(notebook.Hidden.Bias!.Gradient[0], 12), Screen.Short(Sum(dA1)[0, 0], 12));
        console.Write(table);
        console.Say(w1 == w2
            ? $"Both weights are {Screen.Full(w1)}, so the wrong factor has the right value and the slip stays hidden. Make them differ and look again: --output-weight 0.5"
            : $"The weights differ, and so do the gradients: the notebook's way gives {(T.IsZero(w2) ? "something where 0 is right" : $"{Screen.Short(w1 / w2)} times what is right")}. PyTorch will tell whose side it is on.");
    }

    private static string Library(string derivative) => $"in the library: {derivative}";

    private static Matrix<T> Sum<T>(Matrix<T> column) where T : unmanaged, IFloatingPointIeee754<T> => Matrix<T>.Build.Dense(1, 1, column.ColumnSums()[0]);
}

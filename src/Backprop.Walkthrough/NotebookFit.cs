using System.Numerics;
using Backprop.Torch;
using MathNet.Numerics;
using MathNet.Numerics.LinearAlgebra;
using Spectre.Console;

namespace Backprop.Walkthrough;

/// <summary>The network learns y = x, and so does its twin in PyTorch.</summary>
internal static class NotebookFit
{
    private const int Rows = 10;

    /// <returns>Whether every gradient agrees with PyTorch's at the end, too, if the fit did not run away.</returns>
    public static bool Tell<T>(IAnsiConsole console, Notebook<T> start, CancellationToken cancellation) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (rate, steps) = (start.Settings.LearningRate, start.Settings.Steps);
        console.Heading("8. The fit");
        console.Say("Each gradient says which way the loss grows. So every parameter goes a little the other way, and all begins again: forward, loss, backward, step.");
        console.WriteLine();
        console.Show($"p = p - {Screen.Full(rate)} dL/dp          for p = w1, b1, w2, b2; {steps} times");

        var fitted = new Notebook<T>(start.Settings);
        using var twin = new NotebookTwin<T>(start);
        double[] losses = [], theirLosses = [];
        WithProgress(console, steps, (byHand, pyTorch) =>
        {
            losses = fitted.Fit(rate, steps, byHand);
            theirLosses = twin.Fit(rate, steps, pyTorch);
        }, cancellation);

        var progress = Screen.NewTable("step", "loss by hand", "loss in PyTorch", "difference");
        progress.Columns[0].Alignment = Justify.Right;
        foreach (var step in Enumerable.Range(0, Rows + 1).Select(row => (int)((long)steps * row / Rows)).Distinct())
            progress.AddRow($"{step}", Screen.Short(losses[step], 12), Screen.Short(theirLosses[step], 12), Screen.Size(losses[step], theirLosses[step]));
        console.Write(progress);

        var parameters = Screen.NewTable("parameter", "at the start", "by hand", "PyTorch", "difference");
        var theirs = twin.Parameters();
        for (var i = 0; i < theirs.Count; i++)
        {
            double before = double.CreateChecked(start.Model.Parameters[i].Values[0]), ours = double.CreateChecked(fitted.Model.Parameters[i].Values[0]);
            parameters.AddRow(NotebookGradient<T>.Parameters[i], Screen.Short(before), Screen.Short(ours, 10), Screen.Short(theirs[i], 10), Screen.Size(ours, theirs[i]));
        }

        console.Write(parameters);
        Plot(console, start, fitted);
        console.WriteLine();
        if (losses[^1] <= losses[0])
        {
            console.Say("A sigmoid is no straight line: the fit stretches its middle, which is nearly one, and what is left of the loss is the bend. Try more --steps.");
            return AgreesStill(console, fitted);
        }

        var end = Array.FindIndex(losses, loss => !double.IsFinite(loss));
        console.Say($"The loss has grown{(end < 0 ? "" : $", and from step {end} on it is not even a number")}: the steps are too long, each lands further up the other side of the valley. Try a smaller --learning-rate.");
        return true;
    }

    private static bool AgreesStill<T>(IAnsiConsole console, Notebook<T> fitted) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var twin = new NotebookTwin<T>(fitted);
        var (gradients, torch) = (NotebookGradient<T>.Of(fitted), twin.Gradients());
        var differences = gradients.Zip(torch, (gradient, theirs) => Difference.Between(gradient.ByHand, theirs, gradient.Tolerance)).ToList();
        var agrees = differences.All(difference => difference.IsWithinTolerance);
        console.Verdict(agrees,
            $"At the fitted weights, too, all gradients agree with PyTorch's (largest difference {Screen.Size(differences.Max(difference => difference.Absolute))}).",
            $"At the fitted weights the gradients do not agree with PyTorch's: {string.Join(", ", gradients.Where((_, i) => !differences[i].IsWithinTolerance).Select(gradient => $"dL/d{gradient.Symbol}"))}.");
        return agrees;
    }

    /// <summary>Runs with two progress bars on a terminal, and silently elsewhere.</summary>
    private static void WithProgress(IAnsiConsole console, int steps, Action<Action<int>, Action<int>> run, CancellationToken cancellation)
    {
        void Cancel(int step) => cancellation.ThrowIfCancellationRequested();
        if (!console.Profile.Capabilities.Interactive || !console.Profile.Capabilities.Ansi)
        {
            run(Cancel, Cancel);
            return;
        }

        console.Progress().AutoClear(true).Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn()).Start(context =>
        {
            Action<int> Bar(string name)
            {
                var task = context.AddTask(name, maxValue: Math.Max(1, steps));
                return step =>
                {
                    Cancel(step);
                    if (step % Math.Max(1, steps / 100) == 0 || step == steps) task.Value = step;
                };
            }

            run(Bar("by hand"), Bar("PyTorch"));
        });
    }

    private static void Plot<T>(IAnsiConsole console, Notebook<T> start, Notebook<T> fitted) where T : unmanaged, IFloatingPointIeee754<T>
    {
        const int Width = 61, Height = 17;
        var grid = Matrix<T>.Build.DenseOfColumnArrays(Array.ConvertAll(Generate.LinearSpaced(Width, -1, 1), T.CreateChecked));
        var canvas = Enumerable.Range(0, Height).Select(_ => Enumerable.Repeat(' ', Width).ToArray()).ToArray();
        void Draw(char mark, Matrix<T> xs, Matrix<T> ys)
        {
            for (var i = 0; i < xs.RowCount; i++)
            {
                double column = (double.CreateChecked(xs[i, 0]) + 1) / 2 * (Width - 1), row = (1 - double.CreateChecked(ys[i, 0])) / 2 * (Height - 1);
                if (row > -0.5 && row < Height - 0.5) canvas[(int)Math.Round(row)][(int)Math.Round(column)] = mark;
            }
        }

        Draw('.', grid, start.Model.Forward(grid));
        Draw('*', grid, fitted.Model.Forward(grid));
        Draw('o', start.X, start.Y);
        for (var row = 0; row < Height; row++)
            console.Show($"{row switch { 0 => " 1", Height / 2 => " 0", Height - 1 => "-1", _ => "  " }} |{new string(canvas[row])}");
        console.Show("   +" + new string('-', Width), "   -1" + new string(' ', Width / 2 - 1) + "0" + new string(' ', Width / 2 - 1) + "1", "", "   o the points    . before the fit    * after it");
    }
}

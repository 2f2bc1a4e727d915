using System.CommandLine;
using System.CommandLine.Help;
using System.Numerics;
using Backprop.Explain;
using Spectre.Console;

namespace Backprop.Walkthrough;

/// <summary>The root command: the notebook's network, computed live and finished.</summary>
internal static class NotebookCommand
{
    /// <summary>The exit code of a program that was stopped by Ctrl-C.</summary>
    internal const int Interrupted = 130;

    public static RootCommand Create()
    {
        var settings = NotebookSettings.Default;
        var hiddenWeight = Options.Number("--hidden-weight", "Weight of the hidden layer, w1", settings.HiddenWeight, -100, 100);
        var hiddenBias = Options.Number("--hidden-bias", "Bias of the hidden layer, b1", settings.HiddenBias, -100, 100);
        var outputWeight = Options.Number("--output-weight", "Weight of the output layer, w2", settings.OutputWeight, -100, 100);
        var outputBias = Options.Number("--output-bias", "Bias of the output layer, b2", settings.OutputBias, -100, 100);
        var points = Options.Count("--points", "Points on the line y = x", settings.Points, 1, 1000);
        var learningRate = Options.Number("--learning-rate", "Learning rate of the fit", settings.LearningRate, 0, 1000);
        var steps = Options.Count("--steps", "Steps of the fit", settings.Steps, 0, 1_000_000);
        var precision = Options.Choice("--precision", "What to compute in", "double", "float");
        var html = Options.Path("--html", "Write the network as a page here, every number of which can be asked");

        var command = new RootCommand("Backpropagation through a network of one hidden node, by hand and beside PyTorch: every number, every factor of every gradient, then a fit of the line y = x.")
        {
            hiddenWeight, hiddenBias, outputWeight, outputBias, points, learningRate, steps, precision, html, DigitsCommand.Create(), SeriesCommand.Create(), TextCommand.Create(), ExplainCommand.Create(),
        };
        command.HelpName = "dotnet run --project src/Backprop.Walkthrough --";
        if (command.Options.OfType<HelpOption>().Single().Action is HelpAction help) help.MaxWidth = Screen.Columns;
        command.SetAction((arguments, cancellation) =>
        {
            var chosen = new NotebookSettings(
                arguments.GetValue(hiddenWeight), arguments.GetValue(hiddenBias), arguments.GetValue(outputWeight), arguments.GetValue(outputBias),
                arguments.GetValue(points), arguments.GetValue(learningRate), arguments.GetValue(steps));
            var console = Screen.Create(arguments.InvocationConfiguration.Output);
            // On another thread, so that Ctrl-C is listened to meanwhile.
            return Task.Run(() => arguments.GetValue(precision) == "float"
                ? Run(console, new Notebook<float>(chosen), cancellation, arguments.GetValue(html))
                : Run(console, new Notebook<double>(chosen), cancellation, arguments.GetValue(html)));
        });
        return command;
    }

    /// <summary>Tells the story.</summary>
    /// <returns>The exit code: 0 if every gradient agrees, 1 if one does not or PyTorch cannot be loaded.</returns>
    internal static int Run<T>(IAnsiConsole console, Notebook<T> notebook, CancellationToken cancellation, string? html = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        try
        {
            // First: a place that cannot be written is found before the story.
            if (html is not null) WritePage(notebook, html);
            NotebookForward.Tell(console, notebook);
            var agrees = NotebookBackward.Tell(console, notebook);
            cancellation.ThrowIfCancellationRequested();
            agrees &= NotebookProof.Tell(console, notebook);
            agrees &= NotebookFit.Tell(console, notebook, cancellation);
            if (html is not null)
            {
                console.WriteLine();
                console.Say("The page, to be opened in a browser:");
                console.Profile.Out.Writer.WriteLine(Path.GetFullPath(html));     // unbroken, to be copied
            }

            return agrees ? 0 : 1;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            console.Say(e.Message);
            return 1;
        }
        catch (OperationCanceledException)
        {
            console.Say("Stopped.");
            return Interrupted;
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            console.Say($"PyTorch's engine, which comes with TorchSharp, cannot be loaded: {(e.InnerException ?? e).Message}");
            return 1;
        }
    }

    private static void WritePage<T>(Notebook<T> notebook, string path) where T : unmanaged, IFloatingPointIeee754<T> =>
        File.WriteAllText(path, Explanation.Of(notebook.Model, notebook.LossFunction, notebook.X, notebook.Y, new() { Title = "One hidden node: the notebook's network", LearningRate = notebook.Settings.LearningRate }).ToHtml());
}

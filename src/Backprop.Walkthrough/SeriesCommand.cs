using System.CommandLine;
using System.Globalization;
using System.Numerics;
using Spectre.Console;

namespace Backprop.Walkthrough;

/// <summary>The subcommand <c>series</c>: a recurrent network, beside PyTorch's.</summary>
internal static class SeriesCommand
{
    private const string DefaultFile = "series.checkpoint.safetensors";

    /// <summary>As near as the losses of so many steps must be to PyTorch's; of floats, whose rounding errors grow faster, the first epoch's.</summary>
    private const int ComparedSteps = 200, ComparedStepsOfFloat = 15;

    public static Command Create()
    {
        var settings = SeriesSettings.Default;
        var epochs = Options.Count("--epochs", "Epochs in all", settings.Epochs, 1, 100_000);
        var batchSize = Options.Count("--batch-size", "Sequences in a batch; all at once if there are not as many", settings.BatchSize, 1, 100_000);
        var learningRate = Options.Number("--learning-rate", "Learning rate of Adam", settings.LearningRate, 0, 1000);
        var dropout = Options.Number("--dropout", "Probability of dropping an output between the two layers", settings.Dropout, 0, 1);
        var seed = Options.Count("--seed", "Seed of noise, weights, batches and dropout", settings.Seed, 0, int.MaxValue);
        var precision = Options.Choice("--precision", "What to compute in", "double", "float");
        var save = Options.Path("--save", "Write a checkpoint here after each epoch");
        var resume = Options.Path("--resume", "Go on from this checkpoint");
        var besidePyTorch = new Option<bool>("--beside-pytorch") { Description = "Train twins in PyTorch, with dropout and without, and compare the losses" };

        var command = new Command("series", "Trains an LSTM of two layers to foretell a series. Ctrl-C stops it with a checkpoint.")
        {
            epochs, batchSize, learningRate, dropout, seed, precision, save, resume, besidePyTorch,
        };
        command.SetAction((arguments, cancellation) =>
        {
            var chosen = new SeriesSettings(arguments.GetValue(seed), arguments.GetValue(epochs), arguments.GetValue(batchSize), arguments.GetValue(learningRate), arguments.GetValue(dropout));
            var files = new DigitsCommand.Files(arguments.GetValue(save), arguments.GetValue(resume));
            var (console, error) = (Screen.Create(arguments.InvocationConfiguration.Output), arguments.InvocationConfiguration.Error);
            // On another thread, so that Ctrl-C is listened to meanwhile.
            return Task.Run(() => arguments.GetValue(precision) == "float"
                ? Run<float>(console, error, chosen, files, arguments.GetValue(besidePyTorch), cancellation)
                : Run<double>(console, error, chosen, files, arguments.GetValue(besidePyTorch), cancellation));
        });
        return command;
    }

    /// <summary>Trains.</summary>
    /// <returns>The exit code: 0 for a training that is complete, 1 where something is wrong, 130 for one that was stopped.</returns>
    internal static int Run<T>(IAnsiConsole console, TextWriter error, SeriesSettings settings, DigitsCommand.Files files, bool besidePyTorch, CancellationToken cancellation)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var trainer = Series.NewTrainer<T>(settings);
        try
        {
            if (files.Resume is not null) trainer.LoadCheckpoint(files.Resume);
            if (files.Save is not null) trainer.SaveCheckpoint(files.Save);     // a place that cannot be written is found before the training
            console.Say($"{trainer.Training.SampleCount} sequences of {Series.Steps} values to learn from, {trainer.Validation!.Count} later ones to test with. {trainer.Model}, in {(typeof(T) == typeof(float) ? "float" : "double")}.");
            if (trainer.Epoch + trainer.Batch > 0) console.Say($"{trainer.Epoch} epochs and {trainer.Batch} batches are over.");
            console.WriteLine();
            Fit(console, trainer, settings, files, cancellation);
            double naive = Series.NaiveError(trainer.Validation!), own = trainer.Evaluate(trainer.Validation!).Metrics["rmse"];
            console.WriteLine();
            console.Say(string.Create(CultureInfo.InvariantCulture, $"Test error {own:F4}, that of saying the last value again {naive:F4}: {naive / own:F1} times as large."));
            return !besidePyTorch || Compare<T>(console, settings, cancellation) ? 0 : 1;
        }
        catch (OperationCanceledException)
        {
            return DigitsCommand.Stop(console, error, trainer, files, DefaultFile);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or NotFiniteNumberException)
        {
            error.WriteLine(e.Message);
            if (e is InvalidDataException) error.WriteLine("--resume expects the --seed, --batch-size, --learning-rate, --dropout and --precision of the run it continues.");
            return 1;
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            error.WriteLine($"PyTorch's engine, which comes with TorchSharp, cannot be loaded: {(e.InnerException ?? e).Message}");
            return 1;
        }
    }

    private static void Fit<T>(IAnsiConsole console, Trainer<T> trainer, SeriesSettings settings, DigitsCommand.Files files, CancellationToken cancellation) where T : unmanaged, IFloatingPointIeee754<T> =>
        DigitsCommand.WithProgress(console, "series", (double)settings.Epochs * trainer.Training.Count!.Value, show => trainer.Fit(settings.Epochs, progress =>
        {
            if (progress.Moment == TrainingMoment.End) return;
            show((progress.Epoch - 1.0) * progress.Batches!.Value + progress.Batch, string.Create(CultureInfo.InvariantCulture, $"epoch {progress.Epoch}/{progress.Epochs}  loss {progress.Loss:F4}"));
            if (progress.Result is not { } epoch) return;
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"epoch {epoch.Epoch,3}   loss {epoch.TrainingLoss:F12}   test loss {epoch.ValidationLoss:F6}"));
            if (files.Save is not null) trainer.SaveCheckpoint(files.Save);
        }, cancellation));

    /// <returns>Whether the losses are PyTorch's, with dropout and without.</returns>
    private static bool Compare<T>(IAnsiConsole console, SeriesSettings settings, CancellationToken cancellation) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var good = true;
        foreach (var dropout in settings.Dropout == 0 ? (double[])[0] : [settings.Dropout, 0])
        {
            console.Step(dropout == 0 ? "Beside PyTorch, without dropout" : string.Create(CultureInfo.InvariantCulture, $"Beside PyTorch, with dropout {dropout}"));
            if (dropout is > 0 and < 1 && !SideBySide.DrawsSameMasks())
                console.Say(SideBySide.OtherMasks);
            else
                good &= Compare<T>(console, settings with { Dropout = dropout }, Series.Losses<T>(settings with { Dropout = dropout }), cancellation);
        }

        return good;
    }

    private static bool Compare<T>(IAnsiConsole console, SeriesSettings settings, IEnumerable<double> losses, CancellationToken cancellation) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var ours = losses.ToArray();
        double[] theirs = [];
        var done = 0;
        DigitsCommand.WithProgress(console, "PyTorch", ours.Length, show => theirs = SeriesTwin.Losses<T>(settings, () =>
        {
            cancellation.ThrowIfCancellationRequested();
            show(++done, "PyTorch");
        }));
        var (allowed, compared) = typeof(T) == typeof(double) ? (1e-9, Math.Min(ComparedSteps, ours.Length)) : (1e-4, Math.Min(ComparedStepsOfFloat, ours.Length));
        var differences = ours.Zip(theirs, (a, b) => Math.Abs(a - b) / Math.Abs(b)).Select(difference => double.IsNaN(difference) ? double.PositiveInfinity : difference).ToArray();
        var table = Screen.NewTable("step", "loss by hand", "loss in PyTorch", "relative difference");
        foreach (var step in ((int[])[1, 2, 5, 10, 20, 50, 100, 200, 300, 400, 500, 1000, ours.Length]).Where(step => step <= ours.Length).Distinct().Order())
            table.AddRow($"{step}", Screen.Short(ours[step - 1], 14), Screen.Short(theirs[step - 1], 14), Screen.Size(differences[step - 1]));
        console.Write(table);
        var largest = differences[..compared].Max();
        console.Verdict(largest <= allowed,
            $"The losses of {compared} steps are PyTorch's (largest relative difference {Screen.Size(largest)}).", $"The losses of {compared} steps are not PyTorch's (largest relative difference {Screen.Size(largest)}).");
        var passed = Array.FindIndex(differences, difference => difference > allowed);
        console.Say(passed < 0
            ? $"The difference stays below {Screen.Size(allowed)} in all {ours.Length} steps; it is {Screen.Size(differences.Max())} at most."
            : $"Rounding errors grow from step to step: the difference passes {Screen.Size(allowed)} at step {passed + 1}, and is {Screen.Size(differences.Max())} at most.");
        return largest <= allowed;
    }
}

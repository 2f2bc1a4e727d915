using System.CommandLine;
using System.Globalization;
using System.Numerics;
using Spectre.Console;

namespace Backprop.Walkthrough;

/// <summary>The subcommand <c>digits</c>: train, watch, stop, save and come back.</summary>
internal static class DigitsCommand
{
    private const string DefaultFile = "digits.checkpoint.safetensors";

    public static Command Create()
    {
        var settings = DigitsSettings.Default;
        var epochs = Options.Count("--epochs", "Epochs in all", settings.Epochs, 1, 100_000);
        var batchSize = Options.Count("--batch-size", "Digits in a batch; all at once if there are not as many", settings.BatchSize, 1, 100_000);
        var learningRate = Options.Number("--learning-rate", "Learning rate of Adam; for --convolutional 0.003 where none is given", settings.LearningRate, 0, 1000);
        var convolutional = new Option<bool>("--convolutional") { Description = "Two convolutions and a layer of 10 nodes, instead of 64-32-10" };
        var dropout = Options.Number("--dropout", "Probability of dropping what the last layer sees; for --convolutional 0.5 where none is given", settings.Dropout, 0, 0.99);
        var seed = Options.Count("--seed", "Seed of split, weights and batches", settings.Seed, 0, int.MaxValue);
        var precision = Options.Choice("--precision", "What to compute in", "double", "float");
        var shards = Options.Count("--shards", "As how many shards a batch is taken; ranks of mpirun share them, and print what one process prints", settings.Shards, 1, 4096);
        var save = Options.Path("--save", "Write a checkpoint here after each epoch");
        var resume = Options.Path("--resume", "Go on from this checkpoint");
        var besidePyTorch = new Option<bool>("--beside-pytorch") { Description = "Train a twin in PyTorch, too, and compare the losses" };

        var command = new Command("digits", "Trains a network of 64-32-10 nodes, or a convolutional one, to read handwritten digits. Ctrl-C stops it with a checkpoint.")
        {
            convolutional, epochs, batchSize, learningRate, dropout, seed, precision, shards, save, resume, besidePyTorch,
        };
        command.SetAction((arguments, cancellation) =>
        {
            var chosen = new DigitsSettings(arguments.GetValue(seed), arguments.GetValue(epochs), arguments.GetValue(batchSize), arguments.GetValue(learningRate), arguments.GetValue(convolutional), arguments.GetValue(dropout), arguments.GetValue(shards));
            if (chosen.Convolutional)
            {
                if (arguments.GetResult(learningRate) is not { Implicit: false }) chosen = chosen with { LearningRate = DigitsSettings.DefaultConvolutional.LearningRate };
                if (arguments.GetResult(dropout) is not { Implicit: false }) chosen = chosen with { Dropout = DigitsSettings.DefaultConvolutional.Dropout };
            }

            var files = new Files(arguments.GetValue(save), arguments.GetValue(resume));
            var (console, error) = (Screen.Create(arguments.InvocationConfiguration.Output), arguments.InvocationConfiguration.Error);
            if (chosen.Shards > 1) return Task.FromResult(RunShards(arguments.Tokens.Select(token => token.Value).ToArray(), arguments.InvocationConfiguration.Output, error, chosen, files, arguments.GetValue(precision) == "float", arguments.GetValue(besidePyTorch), cancellation));
            // On another thread, so that Ctrl-C is listened to meanwhile.
            return Task.Run(() => arguments.GetValue(precision) == "float"
                ? Run<float>(console, error, chosen, files, arguments.GetValue(besidePyTorch), cancellation)
                : Run<double>(console, error, chosen, files, arguments.GetValue(besidePyTorch), cancellation));
        });
        return command;
    }

    /// <summary>Trains as one rank of those that mpirun started, or alone; the first one talks.</summary>
    private static int RunShards(string[] args, TextWriter output, TextWriter error, DigitsSettings settings, Files files, bool isFloat, bool besidePyTorch, CancellationToken cancellation)
    {
        if (settings.BatchSize < settings.Shards)
        {
            error.WriteLine($"--shards expects at most --batch-size {settings.BatchSize}, a digit for each shard, but it is {settings.Shards}.");
            return 1;
        }

        return Mpi.Run(args, ranks =>
        {
            if (besidePyTorch) throw new ArgumentException("--beside-pytorch has no --shards: PyTorch adds the gradients of a batch in another order.");
            var console = Screen.Create(ranks.IsFirst ? output : TextWriter.Null);
            return isFloat ? Run<float>(console, error, settings, files, false, cancellation, ranks) : Run<double>(console, error, settings, files, false, cancellation, ranks);
        });
    }

    /// <summary>Where checkpoints are written to and read from.</summary>
    internal sealed record Files(string? Save = null, string? Resume = null);

    /// <summary>Trains.</summary>
    /// <returns>The exit code: 0 for a training that is complete, 1 where something is wrong, 130 for one that was stopped.</returns>
    internal static int Run<T>(IAnsiConsole console, TextWriter error, DigitsSettings settings, Files files, bool besidePyTorch, CancellationToken cancellation, ShardExchange? exchange = null)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var trainer = Digits.NewTrainer<T>(settings, exchange);
        try
        {
            if (files.Resume is not null) trainer.LoadCheckpoint(files.Resume);
            if (files.Save is not null) trainer.SaveCheckpoint(files.Save);     // a place that cannot be written is found before the training
            console.Say($"{trainer.Training.SampleCount} handwritten digits to learn from, {trainer.Validation!.Count} to test with. {trainer.Model}, in {(typeof(T) == typeof(float) ? "float" : "double")}.");
            if (trainer.Epoch + trainer.Batch > 0) console.Say($"{trainer.Epoch} epochs and {trainer.Batch} batches are over.");
            console.WriteLine();
            if (besidePyTorch && settings.Convolutional && !CompareSteps<T>(console, settings, cancellation)) return 1;
            Fit(console, trainer, settings, files, cancellation);
            Report(console, trainer);
            return !besidePyTorch || settings.Convolutional || Compare<T>(console, settings, trainer.History, trainer.Training.Count!.Value, cancellation) ? 0 : 1;
        }
        catch (OperationCanceledException)
        {
            return Stop(console, error, trainer, files, DefaultFile);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or NotFiniteNumberException)
        {
            error.WriteLine(e.Message);
            if (e is InvalidDataException) error.WriteLine("--resume expects the --convolutional, --seed, --batch-size, --learning-rate, --dropout, --shards and --precision of the run it continues.");
            return 1;
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            error.WriteLine($"PyTorch's engine, which comes with TorchSharp, cannot be loaded: {(e.InnerException ?? e).Message}");
            return 1;
        }
    }

    /// <summary>Saves what was learned so far, and says how to go on.</summary>
    internal static int Stop<T>(IAnsiConsole console, TextWriter error, Trainer<T> trainer, Files files, string defaultFile) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var path = Path.GetFullPath(files.Save ?? files.Resume ?? defaultFile);
        try
        {
            trainer.SaveCheckpoint(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            error.WriteLine($"Stopped, but not saved. {e.Message}");
            return 1;
        }

        console.WriteLine();
        console.Say($"Stopped after {trainer.Epoch} epochs and {trainer.Batch} batches. To go on, with the same options:");
        console.Profile.Out.Writer.WriteLine($"--resume {path}");     // unbroken, to be copied
        return NotebookCommand.Interrupted;
    }

    private static void Fit<T>(IAnsiConsole console, Trainer<T> trainer, DigitsSettings settings, Files files, CancellationToken cancellation) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var last = trainer.History.Epochs is [.., var over] ? over : null;
        WithProgress(console, "digits", (double)settings.Epochs * trainer.Training.Count!.Value, show => trainer.Fit(settings.Epochs, progress =>
        {
            if (progress.Moment == TrainingMoment.End) return;
            show((progress.Epoch - 1.0) * progress.Batches!.Value + progress.Batch,
                string.Create(CultureInfo.InvariantCulture, $"epoch {progress.Epoch}/{progress.Epochs}  loss {progress.Loss:F4}  accuracy {Percent(last)}"));
            if (progress.Result is not { } epoch) return;
            last = epoch;
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"epoch {epoch.Epoch,3}   loss {epoch.TrainingLoss:F12}   test loss {epoch.ValidationLoss:F6}   test accuracy {Percent(epoch)}"));
            if (files.Save is not null) trainer.SaveCheckpoint(files.Save);
            if (progress.Warning is { } warning) console.Say(warning);
        }, cancellation));
    }

    /// <summary>Runs with a progress bar on a terminal, and without elsewhere.</summary>
    internal static void WithProgress(IAnsiConsole console, string name, double steps, Action<Action<double, string>> run)
    {
        if (!console.Profile.Capabilities.Interactive || !console.Profile.Capabilities.Ansi)
        {
            run((_, _) => { });
            return;
        }

        console.Progress().AutoClear(true).Columns(new TaskDescriptionColumn(), new ProgressBarColumn { Width = 15 }, new RemainingTimeColumn()).Start(context =>
        {
            var task = context.AddTask(name, maxValue: steps);
            run((step, description) =>
            {
                task.Description = description;
                task.Value = step;
            });
        });
    }

    private static void Report<T>(IAnsiConsole console, Trainer<T> trainer) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var test = trainer.Validation!;
        var counts = ConfusionMatrix.Of(trainer.Model.Forward(test.X), test.Y);
        var right = Enumerable.Range(0, Digits.Classes).Sum(i => counts[i, i]);
        var table = Screen.NewTable(["is \\ read as", .. Enumerable.Range(0, Digits.Classes).Select(digit => $"{digit}")]);
        for (var i = 0; i < Digits.Classes; i++) table.AddRow([$"{i}", .. Enumerable.Range(0, Digits.Classes).Select(j => counts[i, j] == 0 ? "." : $"{counts[i, j]}")]);
        console.Write(table);
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Test accuracy {100.0 * right / test.Count:F1} %: {right} of {test.Count} digits."));
    }

    private static bool CompareSteps<T>(IAnsiConsole console, DigitsSettings settings, CancellationToken cancellation) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (settings.Dropout > 0 && !SideBySide.DrawsSameMasks())
        {
            console.Say(SideBySide.OtherMasks);
            return true;
        }

        return SideBySide.Compare(console, typeof(T) == typeof(float), Ours().Zip(DigitsTwin.Steps<T>(settings, settings.Epochs), (ours, theirs) => (ours, theirs.Loss)));

        IEnumerable<double> Ours()
        {
            var trainer = Digits.NewTrainer<T>(settings);
            for (var epoch = 0; epoch < settings.Epochs; epoch++)
            {
                trainer.Training.Shuffle();
                for (var i = 0; trainer.Training.TryGather(i, out var batch, cancellation); i++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    yield return double.CreateChecked(trainer.Step(batch.X, batch.Y));
                }
            }
        }
    }

    /// <returns>Whether the losses are PyTorch's.</returns>
    private static bool Compare<T>(IAnsiConsole console, DigitsSettings settings, History history, int batches, CancellationToken cancellation) where T : unmanaged, IFloatingPointIeee754<T>
    {
        // Rounding errors of a float grow from step to step.
        var (allowed, epochs) = (typeof(T) == typeof(double) ? 1e-6 : 1e-4, history.Epochs.Count);
        double[] theirs = [];
        var done = 0;
        WithProgress(console, "PyTorch", (double)epochs * batches, show => theirs = DigitsTwin.Fit<T>(settings, epochs, () =>
        {
            cancellation.ThrowIfCancellationRequested();
            show(++done, "PyTorch");
        }));
        var table = Screen.NewTable("epoch", "loss by hand", "loss in PyTorch", "relative difference");
        double largest = 0;
        for (var i = 0; i < epochs; i++)
        {
            var difference = Math.Abs(history.Epochs[i].TrainingLoss - theirs[i]) / Math.Abs(theirs[i]);
            largest = Math.Max(largest, double.IsNaN(difference) ? double.PositiveInfinity : difference);
            table.AddRow($"{i + 1}", Screen.Short(history.Epochs[i].TrainingLoss, 14), Screen.Short(theirs[i], 14), Screen.Size(difference));
        }

        console.WriteLine();
        console.Write(table);
        console.Verdict(largest <= allowed, $"The losses are PyTorch's (largest relative difference {Screen.Size(largest)}).", $"The losses are not PyTorch's (largest relative difference {Screen.Size(largest)}).");
        return largest <= allowed;
    }

    private static string Percent(EpochResult? epoch) => epoch is null ? "-" : string.Create(CultureInfo.InvariantCulture, $"{100 * epoch.Metrics["accuracy"]:F1} %");
}

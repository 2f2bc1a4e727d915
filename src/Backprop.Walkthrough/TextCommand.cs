using System.CommandLine;
using System.Globalization;
using System.Numerics;
using Spectre.Console;

namespace Backprop.Walkthrough;

/// <summary>The subcommand <c>text</c>: a GPT learns to spell, beside PyTorch where that is wanted, and writes words of its own.</summary>
internal static class TextCommand
{
    private const string DefaultFile = "text.checkpoint.safetensors";

    public static Command Create()
    {
        var settings = TextSettings.Default;
        var epochs = Options.Count("--epochs", "Epochs in all", settings.Epochs, 1, 100_000);
        var batchSize = Options.Count("--batch-size", "Pieces of 32 characters in a batch", settings.BatchSize, 1, 100_000);
        var learningRate = Options.Number("--learning-rate", "Learning rate of AdamW at its highest", settings.LearningRate, 0, 1000);
        var dropout = Options.Number("--dropout", "Probability of dropping, in all places of GPT-2", settings.Dropout, 0, 0.99);
        var seed = Options.Count("--seed", "Seed of words, weights, batches and writing", settings.Seed, 0, int.MaxValue);
        var precision = Options.Choice("--precision", "What to compute in", "float", "double");
        var write = Options.Count("--write", "Words to write in the end", 20, 0, 10_000);
        var temperature = Options.Number("--temperature", "0 writes the likeliest; above 1, more surprises", 0.8, 0, 100);
        var topK = Options.Count("--top-k", "How many characters to choose from", Words.Characters, 1, Words.Characters);
        var start = new Option<string>("--start")
        {
            Description = "How the words shall start",
            HelpName = "letters",
            DefaultValueFactory = _ => "",
            CustomParser = result =>
            {
                var letters = result.Tokens[0].Value;
                if (letters.Length < Words.Sizes.Steps && letters.All(char.IsAsciiLetterLower)) return letters;
                result.AddError($"--start expects at most {Words.Sizes.Steps - 1} letters from a to z, but it is {letters}.");
                return null;
            },
        };
        var save = Options.Path("--save", "Write a checkpoint here after each epoch");
        var resume = Options.Path("--resume", "Go on from this checkpoint");
        var besidePyTorch = new Option<bool>("--beside-pytorch") { Description = "First compare the losses of 400 steps with those of PyTorch" };

        var command = new Command("text", "Trains a GPT of 100 thousand parameters to spell English words, character by character. Ctrl-C stops it with a checkpoint.")
        {
            epochs, batchSize, learningRate, dropout, seed, precision, write, temperature, topK, start, save, resume, besidePyTorch,
        };
        command.SetAction((arguments, cancellation) =>
        {
            var chosen = new TextSettings(arguments.GetValue(seed), arguments.GetValue(epochs), arguments.GetValue(batchSize), arguments.GetValue(learningRate), arguments.GetValue(dropout));
            var files = new DigitsCommand.Files(arguments.GetValue(save), arguments.GetValue(resume));
            var writing = new Writing(arguments.GetValue(write), arguments.GetValue(temperature), arguments.GetValue(topK), arguments.GetValue(start)!);
            var (console, error) = (Screen.Create(arguments.InvocationConfiguration.Output), arguments.InvocationConfiguration.Error);
            // On another thread, so that Ctrl-C is listened to meanwhile.
            return Task.Run(() => arguments.GetValue(precision) == "float"
                ? Run<float>(console, error, chosen, files, writing, arguments.GetValue(besidePyTorch), cancellation)
                : Run<double>(console, error, chosen, files, writing, arguments.GetValue(besidePyTorch), cancellation));
        });
        return command;
    }

    /// <summary>How many words are written, and how.</summary>
    internal sealed record Writing(int Count, double Temperature = 0.8, int TopK = Words.Characters, string Start = "");

    /// <summary>Trains, and writes.</summary>
    /// <returns>The exit code: 0 for a training that is complete, 1 where something is wrong, 130 for one that was stopped.</returns>
    internal static int Run<T>(IAnsiConsole console, TextWriter error, TextSettings settings, DigitsCommand.Files files, Writing writing, bool besidePyTorch, CancellationToken cancellation)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var trainer = Words.NewTrainer<T>(settings);
        try
        {
            if (files.Resume is not null) trainer.LoadCheckpoint(files.Resume);
            if (files.Save is not null) trainer.SaveCheckpoint(files.Save);     // a place that cannot be written is found before the training
            var parameters = trainer.Model.Parameters.Sum(parameter => parameter.Count);
            console.Say(string.Create(CultureInfo.InvariantCulture,
                $"{trainer.Training.SampleCount:N0} pieces of {Words.Sizes.Steps} characters to learn from, {trainer.Validation!.Count:N0} to test with. A GPT of {Words.Sizes.Layers} layers, {Words.Sizes.Width} wide, with {Words.Sizes.Heads} heads: {parameters:N0} parameters, in {(typeof(T) == typeof(float) ? "float" : "double")}."));
            if (trainer.Epoch + trainer.Batch > 0) console.Say($"{trainer.Epoch} epochs and {trainer.Batch} batches are over.");
            console.WriteLine();
            if (besidePyTorch && !Compare<T>(console, settings, cancellation)) return 1;
            Fit(console, trainer, settings, files, cancellation);
            Write(console, trainer.Model, settings, writing);
            return 0;
        }
        catch (OperationCanceledException)
        {
            return DigitsCommand.Stop(console, error, trainer, files, DefaultFile);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or NotFiniteNumberException)
        {
            error.WriteLine(e.Message);
            if (e is InvalidDataException) error.WriteLine("--resume expects the --seed, --epochs, --batch-size, --learning-rate, --dropout and --precision of the run it continues.");
            return 1;
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            error.WriteLine($"PyTorch's engine, which comes with TorchSharp, cannot be loaded: {(e.InnerException ?? e).Message}");
            return 1;
        }
    }

    private static void Fit<T>(IAnsiConsole console, Trainer<T> trainer, TextSettings settings, DigitsCommand.Files files, CancellationToken cancellation) where T : unmanaged, IFloatingPointIeee754<T> =>
        DigitsCommand.WithProgress(console, "text", (double)settings.Epochs * trainer.Training.Count!.Value, show => trainer.Fit(settings.Epochs, progress =>
        {
            if (progress.Moment == TrainingMoment.End) return;
            show((progress.Epoch - 1.0) * progress.Batches!.Value + progress.Batch, string.Create(CultureInfo.InvariantCulture, $"epoch {progress.Epoch}/{progress.Epochs}  loss {progress.Loss:F4}"));
            if (progress.Result is not { } epoch) return;
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"epoch {epoch.Epoch,3}   loss {epoch.TrainingLoss:F6}   test loss {epoch.ValidationLoss:F6}   next letter right {100 * epoch.Metrics["accuracy"]:F1} %"));
            if (files.Save is not null) trainer.SaveCheckpoint(files.Save);
            if (progress.Warning is { } warning) console.Say(warning);
        }, cancellation));

    private static void Write<T>(IAnsiConsole console, Layer<T> model, TextSettings settings, Writing writing) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (writing.Count == 0) return;
        var (known, text) = (Words.Read().ToHashSet(StringComparer.Ordinal), new Continuation<T>(model));
        var sampling = new Sampling(writing.Temperature, writing.TopK, new Generator(settings.Seed));
        var words = Enumerable.Range(0, writing.Count).Select(_ => Words.Write(text, sampling, writing.Start)).ToArray();
        console.WriteLine();
        console.Say(string.Join(' ', words.Select(word => known.Contains(word) ? word : $"{word}*")));
        console.WriteLine();
        console.Say($"{words.Count(known.Contains)} of {words.Length} are among the words; those with a star are the network's own.");
    }

    /// <summary>Both networks learn side by side, from the same weights.</summary>
    /// <returns>Whether the losses are PyTorch's.</returns>
    private static bool Compare<T>(IAnsiConsole console, TextSettings settings, CancellationToken cancellation) where T : unmanaged, IFloatingPointIeee754<T>
    {
        return SideBySide.Compare(console, typeof(T) == typeof(float), Steps());

        IEnumerable<(double Ours, double Theirs)> Steps()
        {
            var trainer = Words.NewTrainer<T>(settings);
            var batches = trainer.Training;
            using var twin = new TextTwin<T>(trainer.Model, Words.Sizes, settings);
            for (var epoch = 0; epoch < settings.Epochs; epoch++)
            {
                batches.Shuffle();
                for (var i = 0; batches.TryGather(i, out var batch, cancellation); i++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    var theirs = twin.Step(batch, trainer.Optimizer.Groups[0].LearningRate);
                    var ours = double.CreateChecked(trainer.Step(batch.X, batch.Y));
                    trainer.BatchScheduler!.Step();
                    yield return (ours, theirs);
                }
            }
        }
    }
}

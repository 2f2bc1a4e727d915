using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using BenchmarkDotNet.Running;

namespace Backprop.Benchmarks;

/// <summary>The commands and their options.</summary>
internal static class Commands
{
    public static int Run(string[] args)
    {
        var only = new Option<string?>("--only") { Description = "Run only the rows whose \"table network type threads\" contains this text, such as \"step 784-128\".", HelpName = "text" };
        var against = new Option<string?>("--against") { Description = "Only against this peer." }.AcceptOnlyFromAmong("libtorch", "onnxruntime", "c");
        var seconds = new Option<double>("--seconds") { Description = "Time for each row, in seconds.", DefaultValueFactory = _ => 2, CustomParser = Seconds, HelpName = "s" };
        var threads = new Option<string?>("--threads") { Description = "Only with this number of threads." }.AcceptOnlyFromAmong("1", "2");
        var type = new Option<string?>("--type") { Description = "Only in this type." }.AcceptOnlyFromAmong("float", "double");
        var cpuTime = new Option<bool>("--cpu-time") { Description = "Count processor time, which is steadier on a busy machine; one thread only." };
        var markdown = new Option<bool>("--markdown") { Description = "Write Markdown tables." };

        var save = new Option<string?>("--save") { Description = "Append each row of training, inference and products to this file, and show what it was the last time.", HelpName = "file" };
        var compare = new Command("compare", "Backprop and its peers, libtorch (by TorchSharp), ONNX Runtime and plain C, take turns in one process; tables of their times and ratios.") { only, against, seconds, threads, type, cpuTime, markdown, save };
        compare.SetAction(result => Comparison.Run(new Comparison.Options(
            result.GetValue(only), result.GetValue(against), result.GetValue(seconds), result.GetValue(threads), result.GetValue(type), result.GetValue(cpuTime), result.GetValue(markdown), result.GetValue(save))));
        compare.Validators.Add(result =>
        {
            if (result.GetValue(cpuTime) && result.GetValue(threads) == "2") result.AddError("--cpu-time counts all threads together, so it says nothing with --threads 2.");
        });

        var megabytes = new Option<int>("--megabytes") { Description = "The size of the file.", DefaultValueFactory = _ => 40, HelpName = "MB" };
        var epochs = new Option<int>("--epochs") { Description = "Pairs of epochs, from the file and from memory.", DefaultValueFactory = _ => 3, HelpName = "n" };
        foreach (var option in (Option<int>[])[megabytes, epochs])
            option.Validators.Add(result =>
            {
                if (result.GetValueOrDefault<int>() < 1) result.AddError($"{result.IdentifierToken?.Value} expects a number of at least 1.");
            });
        var stream = new Command("stream", "A training from a binary file beside the same from memory: its speed and its memory. The memory counts where the file is large, such as --megabytes 800.") { megabytes, epochs };
        stream.SetAction(result => Streaming.Run(result.GetValue(megabytes), result.GetValue(epochs)));

        var runs = new Option<int>("--runs") { Description = "How often the two are compared.", DefaultValueFactory = _ => 10, HelpName = "n" };
        runs.Validators.Add(result => { if (result.GetValueOrDefault<int>() < 1) result.AddError("--runs expects a number of at least 1."); });
        var trainer = new Command("trainer", "A Trainer and the same loop written by hand take turns: 64-32-10, batch 32, one thread.") { runs, seconds };
        trainer.SetAction(result => TrainerOverhead.Run(result.GetValue(runs), result.GetValue(seconds)));

        var costs = new Command("threads", "What it costs to share a job among threads, and what follows from that for a machine with 64 processors.") { seconds };
        costs.SetAction(result => ThreadCosts.Run(result.GetValue(seconds)));

        var filter = new Option<string[]>("--filter") { Description = "Run only the benchmarks whose names match, such as *Product*.", DefaultValueFactory = _ => ["*"], HelpName = "glob", AllowMultipleArgumentsPerToken = true };
        var job = new Option<string>("--job") { Description = "How thoroughly to measure.", DefaultValueFactory = _ => "Default" };
        job.AcceptOnlyFromAmong("Dry", "Short", "Medium", "Long", "Default");

        var bdn = new Command("bdn", "Our kernels and layers under BenchmarkDotNet, with their allocations. Start it from within the repository.") { filter, job };
        bdn.SetAction(result =>
        {
            var summaries = BenchmarkSwitcher.FromAssembly(typeof(Comparison).Assembly)
                .Run(["--filter", .. result.GetValue(filter)!, "--job", result.GetValue(job)!]).ToArray();
            return summaries.Length > 0 && summaries.All(summary => summary.BenchmarksCases.Length == summary.Reports.Count(report => report.Success)) ? 0 : 1;
        });

        return new RootCommand("Benchmarks of Backprop.") { compare, stream, trainer, costs, bdn }.Parse(args).Invoke();
    }

    private static double Seconds(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (!double.TryParse(text, CultureInfo.InvariantCulture, out var value) || !(value is > 0 and <= 3600))
            result.AddError($"--seconds expects a number above 0, at most 3600, but it is {text}.");
        return value;
    }
}

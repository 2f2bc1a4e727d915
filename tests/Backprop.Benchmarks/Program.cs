using System.CommandLine;
using Backprop.Benchmarks;

// The child of a cold start must load nothing but what it measures, so it is told apart before anything else.
if (args is [ColdStart.Argument, var side, var startedAt]) return ColdStart.Child(side, startedAt);

var only = new Option<string?>("--only") { Description = "Run only the rows whose \"table network type threads\" contains this text, such as \"step 784-128\".", HelpName = "text" };
var seconds = new Option<double>("--seconds") { Description = "Time for each row, in seconds.", DefaultValueFactory = _ => 2, HelpName = "s" };
var threads = new Option<string?>("--threads") { Description = "Only with this number of threads." }.AcceptOnlyFromAmong("1", "2");
var type = new Option<string?>("--type") { Description = "Only in this type." }.AcceptOnlyFromAmong("float", "double");
var markdown = new Option<bool>("--markdown") { Description = "Write Markdown tables." };
seconds.Validators.Add(result =>
{
    if (!result.Errors.Any() && !(result.GetValue(seconds) is > 0 and <= 3600)) result.AddError("--seconds expects a number above 0, at most 3600.");
});

var compare = new Command("compare", "Backprop and TorchSharp take turns in one process; tables of their times and ratios.") { only, seconds, threads, type, markdown };
compare.SetAction(result => Comparison.Run(new Comparison.Options(
    result.GetValue(only), result.GetValue(seconds), result.GetValue(threads), result.GetValue(type), result.GetValue(markdown))));

return new RootCommand("Benchmarks of Backprop.") { compare }.Parse(args).Invoke();

using System.CommandLine;
using System.Globalization;
using Backprop.Mutations;
using Spectre.Console;

if (args is [WorkerLoop.Argument, var tests]) return WorkerLoop.Run(tests);

var only = new Option<string[]>("--only") { Description = "Only this type, as in Sigmoid, or files and members that contain this text, as in Losses/ or .Backward.", HelpName = "pattern", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [] };
var seconds = new Option<double?>("--seconds") { Description = "A time budget. Mutants are tried in a random order, and those that there is no time for are left out, and counted.", HelpName = "s" };
var seed = new Option<int>("--seed") { Description = "Chooses that order.", HelpName = "number", DefaultValueFactory = _ => 1 };
var jobs = new Option<int>("--jobs") { Description = "How many are tried at a time.", HelpName = "number", DefaultValueFactory = _ => Environment.ProcessorCount };
var list = new Option<bool>("--list") { Description = "List the mutants, try none." };
var equivalents = new Option<bool>("--equivalents") { Description = "Try those that equivalents.txt calls equivalent, too: none may be killed." };
var near = new Option<bool>("--near") { Description = "Try each with the tests nearest to its file alone, which kill most of them in a fraction of the time. What survives is tried with all others by a run --after this one." };
var verbose = new Option<bool>("--verbose") { Description = "Print what became of each mutant, and by which test." };
var write = new Option<string?>("--write") { Description = "A file, from the repository's root, whose section about mutants is written anew, as PROOF.md.", HelpName = "file" };
var after = new Option<string?>("--after") { Description = "A file with what an earlier run printed with --verbose. What was killed there is not tried again where its file has not changed since; with --since.", HelpName = "file" };
var since = new Option<string?>("--since") { Description = "The commit that the earlier run was of.", HelpName = "commit" };
seconds.Validators.Add(result => { if (!(result.GetValueOrDefault<double?>() is null or > 0)) result.AddError("--seconds expects a number above 0."); });
jobs.Validators.Add(result => { if (result.GetValueOrDefault<int>() < 1) result.AddError("--jobs expects a number of at least 1."); });

var command = new RootCommand("Breaks each formula and derivative of Backprop in turn, and sees whether a test goes red.") { only, seconds, seed, jobs, list, equivalents, near, verbose, write, after, since };
command.Validators.Add(result => { if (result.GetValue(after) is null != result.GetValue(since) is null) result.AddError("--after and --since come together."); });
command.Validators.Add(result => { if (result.GetValue(near) && result.GetValue(write) is not null) result.AddError("--near and --write do not go together: what survives the nearest tests may not survive all."); });
command.SetAction(result => new Run(new Options(
    result.GetValue(only)!, result.GetValue(seconds), result.GetValue(seed), result.GetValue(jobs), result.GetValue(list), result.GetValue(equivalents), result.GetValue(near), result.GetValue(verbose), result.GetValue(write), result.GetValue(after), result.GetValue(since))).InvokeAsync());
if (Console.IsOutputRedirected) AnsiConsole.Profile.Width = 1000; // no line is broken in a file
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
return await command.Parse(args).InvokeAsync();

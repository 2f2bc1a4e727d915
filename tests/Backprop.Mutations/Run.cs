using System.Collections.Concurrent;
using System.Diagnostics;
using Spectre.Console;

namespace Backprop.Mutations;

/// <summary>Makes the mutants, tries each, and says what became of them.</summary>
internal sealed class Run(Options options)
{
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(30);

    private readonly string _root = Repository.Root;
    private readonly ConcurrentBag<Outcome> _outcomes = [];
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    /// <summary>Runs.</summary>
    /// <returns>The exit code: 0, or 1 where a mutant survived, or 2 where nothing was tried.</returns>
    public async Task<int> InvokeAsync()
    {
        var source = Source.Open(_root);
        var mutants = source.Files.Where(Scope.Holds).Order(StringComparer.Ordinal).Where(MayBeWanted).SelectMany(file => Mutator.Of(file, source)).Where(IsWanted).ToArray();
        if (options.List)
        {
            foreach (var mutant in mutants) Report.Print(mutant, "");
            Screen.Line($"{mutants.Length} mutants in {mutants.Select(mutant => mutant.File).Distinct().Count()} files");
            return 0;
        }

        if (mutants.Length == 0)
        {
            Screen.Line($"[red]No mutant matches {string.Join(", ", options.Only)}.[/]");
            return 2;
        }

        var all = mutants;
        if (options.After is not null)
        {
            var earlier = Earlier.Read(options.After, options.Since!, _root);
            foreach (var alike in mutants.GroupBy(mutant => (mutant.File, mutant.Line, mutant.Member, mutant.Kind)))
                if (earlier.Of([.. alike]) is { } verdict)
                {
                    foreach (var mutant in alike)
                    {
                        _outcomes.Add(new(mutant, verdict, "in the earlier run"));
                        if (options.Verbose) Report.Print(mutant, $"{verdict}: in the earlier run");     // for the run after this one
                    }
                }
            mutants = [.. mutants.Except(_outcomes.Select(outcome => outcome.Mutant))];
            Screen.Line($"{all.Length - mutants.Length} are known from {options.After}; {mutants.Length} are tried.");
        }

        // A fair sample of all files, the same one each time, where there is not time for all.
        if (options.Seconds is not null) new Random(options.Seed).Shuffle(mutants);
        var equivalents = Equivalents.Read(Path.Combine(_root, "tests", "Backprop.Mutations", "equivalents.txt"));
        var directory = Directory.CreateTempSubdirectory("backprop-mutations-").FullName;
        try
        {
            using var suite = await TryAllAsync(source, mutants, equivalents, directory);
            foreach (var test in suite.Unusable) Screen.Line($"[yellow]left out, red on the source as it is:[/] {test.Test}: {test.Failure}");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        var outcomes = all.Join(_outcomes, mutant => mutant, outcome => outcome.Mutant, (_, outcome) => outcome).ToList();
        var report = new Report(outcomes, _clock.Elapsed, options);
        report.Print();
        if (options is { Only: [], Seconds: null })
            foreach (var stale in equivalents.Stale) Screen.Line($"[yellow]no longer in the source, remove it from equivalents.txt:[/] {stale}");
        if (options.Write is not null) report.WriteTo(Path.Combine(_root, options.Write));
        return outcomes.Any(outcome => outcome.Verdict == Verdict.Survived || outcome.IsFalselyEquivalent) ? 1 : 0;
    }

    // A name is a type's; with a slash, a dot or a star it is a part of a path or of a member.
    private bool IsWanted(Mutant mutant) => options.Only.Length == 0 || options.Only.Any(pattern => IsPart(pattern)
        ? mutant.File.Contains(pattern.Trim('*'), StringComparison.OrdinalIgnoreCase) || mutant.Member.Contains(pattern.Trim('*'), StringComparison.OrdinalIgnoreCase)
        : mutant.Type.Equals(pattern, StringComparison.OrdinalIgnoreCase));

    // Before the mutants are made, which takes its time.
    private bool MayBeWanted(string file) => options.Only.Length == 0 || options.Only.Any(pattern => IsPart(pattern) || Path.GetFileNameWithoutExtension(file).Equals(pattern, StringComparison.OrdinalIgnoreCase));

    private static bool IsPart(string pattern) => pattern.IndexOfAny(['/', '.', '*']) >= 0;

    private async Task<Suite> TryAllAsync(Source source, Mutant[] mutants, Equivalents equivalents, string directory)
    {
        var original = Path.Combine(directory, "original", "Backprop.dll");
        Directory.CreateDirectory(Path.GetDirectoryName(original)!);
        await File.WriteAllBytesAsync(original, source.Original);
        var tests = Repository.Tests;
        using var first = new WorkerProcess(tests);
        var (all, end) = await first.RunAsync(new Request(original, 0, null, false), TimeSpan.FromMinutes(2));
        if (all.Count == 0) throw new InvalidOperationException($"No tests were found in {tests}: {end}");
        var suite = new Suite(_root, [.. all.Select(result => result.Test)], original);

        var (batches, next) = (Batch.Of(mutants), -1);
        Func<Action, Task> work = advance => Task.WhenAll(Enumerable.Range(0, options.Jobs).Select(job => Task.Run(async () =>
        {
            using var own = job == 0 ? null : new WorkerProcess(tests);
            while (Interlocked.Increment(ref next) is var i && i < batches.Count)
            {
                await foreach (var outcome in TryAsync(batches[i], source, equivalents, suite, own ?? first, Path.Combine(directory, $"{i}", "Backprop.dll")))
                {
                    _outcomes.Add(outcome);
                    advance();
                    if (options.Verbose) Report.Print(outcome.Mutant, $"{outcome.Verdict}: {outcome.Why}");
                }
            }
        })));
        if (Console.IsOutputRedirected) await work(() => { });
        else await AnsiConsole.Progress().AutoClear(true).StartAsync(progress =>
        {
            var bar = progress.AddTask("mutants", maxValue: mutants.Length);
            return work(() => bar.Increment(1));
        });
        return suite;
    }

    private bool IsTimeUp => _clock.Elapsed.TotalSeconds > options.Seconds;

    private async IAsyncEnumerable<Outcome> TryAsync(Batch batch, Source source, Equivalents equivalents, Suite suite, WorkerProcess worker, string path)
    {
        HashSet<Mutant> refused = [];
        if (!IsTimeUp && source.Compile(batch, out refused) is { } assembly)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllBytesAsync(path, assembly);
        }

        foreach (var (i, mutant) in batch.Mutants.Index())
        {
            yield return refused.Contains(mutant) ? new Outcome(mutant, Verdict.Uncompilable, "")
                : equivalents.ReasonOf(mutant) is { } reason && !options.Equivalents ? new Outcome(mutant, Verdict.Equivalent, reason)
                : IsTimeUp ? new Outcome(mutant, Verdict.LeftOut, "")
                : await TryAsync(mutant, new Request(path, i + 1, [], StopOnFailure: true), equivalents.ReasonOf(mutant), suite, worker);
        }
    }

    private async Task<Outcome> TryAsync(Mutant mutant, Request request, string? reason, Suite suite, WorkerProcess worker)
    {
        var circles = suite.Of(mutant.File);
        if (options.Near) circles = [.. circles.Take(2)];
        foreach (var tests in circles)
        {
            var (green, time) = await suite.GreenAsync(tests, worker);
            if (green.Count == 0) continue;
            var (results, end) = await worker.RunAsync(request with { Tests = green }, Least + 10 * time);
            if (results.Count > 0 && results[^1].Failure is not null) suite.Noticed(results[^1].Test);
            var why = end ?? (results[^1].Failure is { } failure ? $"{results[^1].Test}: {failure}" : null);
            if (why is not null) return new Outcome(mutant, Verdict.Killed, why, IsFalselyEquivalent: reason is not null);
        }

        return reason is null ? new Outcome(mutant, Verdict.Survived, $"{string.Join(" + ", circles.Select(tests => tests.Count))} tests stay green") : new Outcome(mutant, Verdict.Equivalent, reason);
    }
}

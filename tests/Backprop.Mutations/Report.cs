using System.Globalization;
using System.Text;
using Spectre.Console;

namespace Backprop.Mutations;

/// <summary>What became of the mutants, for the console and for a text.</summary>
internal sealed class Report(IReadOnlyList<Outcome> outcomes, TimeSpan time, Options options)
{
    private const string Begin = "<!-- mutants begin -->", End = "<!-- mutants end -->";

    private readonly IReadOnlyList<Outcome> _tried = [.. outcomes.Where(outcome => outcome.Verdict is not (Verdict.Uncompilable or Verdict.LeftOut))];

    /// <summary>Prints a mutant and what there is to say about it.</summary>
    public static void Print(Mutant mutant, string what)
    {
        Screen.Line($"[bold]{mutant.File}[/]:{mutant.Line} {mutant.Member} ({mutant.Kind}) {what}");
        Screen.Line($"  [red]- {mutant.Original}[/]");
        Screen.Line($"  [green]+ {mutant.Mutated}[/]");
    }

    /// <summary>Prints the survivors and the table.</summary>
    public void Print()
    {
        foreach (var outcome in outcomes.Where(outcome => outcome.Verdict == Verdict.Survived)) Print(outcome.Mutant, $"[survived] {outcome.Why}");
        foreach (var outcome in outcomes.Where(outcome => outcome.IsFalselyEquivalent)) Print(outcome.Mutant, $"[no equivalent] {outcome.Why}");
        var table = new Table().Border(TableBorder.Simple);
        foreach (var header in (string[])["file", "mutants", "killed", "equivalent", "survived"])
            table.AddColumn(new TableColumn(header) { Alignment = table.Columns.Count == 0 ? Justify.Left : Justify.Right, NoWrap = true });
        foreach (var file in _tried.GroupBy(outcome => outcome.Mutant.File).OrderBy(file => file.Key, StringComparer.Ordinal)) table.AddRow([file.Key, .. Counts(file)]);
        table.AddRow(["[bold]all[/]", .. Counts(_tried)]);
        AnsiConsole.Write(table);
        Screen.Line($"{Count(outcomes, Verdict.Uncompilable)} more did not compile. {time.TotalSeconds:0} s{LeftOut}.");
    }

    /// <summary>Writes the section about mutants anew, or for the first time at the end.</summary>
    public void WriteTo(string path)
    {
        var text = File.ReadAllText(path);
        int begin = text.IndexOf(Begin, StringComparison.Ordinal), end = text.IndexOf(End, StringComparison.Ordinal);
        var (before, after) = begin >= 0 && end > begin ? (text[..begin], text[(end + End.Length)..]) : (text.TrimEnd() + "\n\n", "\n");
        File.WriteAllText(path, $"{before}{Begin}\n{Markdown()}{End}{after}");
    }

    private string LeftOut => Count(outcomes, Verdict.LeftOut) is var left and > 0 ? string.Create(CultureInfo.InvariantCulture, $"; {left} of {outcomes.Count} left out, of a random order by seed {options.Seed}, for want of time") : "";

    private string Markdown()
    {
        var text = new StringBuilder();
        text.Append("""
            ## Mutants

            Is a test red where a formula is wrong? `dotnet run -c Release --project tests/Backprop.Mutations` breaks each formula, derivative, rule and schedule in turn: a sign, a
            term, a factor, a constant, an operand, a branch, the direction of a comparison, a statement left out. Each mutant is compiled as the library is, and the suite's tests run
            on it until one goes red: then it is *killed*. The *equivalent* ones compute the same, or what no test could tell apart; `tests/Backprop.Mutations/equivalents.txt` has the reason
            for each. Mutants that the compiler refuses are not counted.


            """);
        text.Append(CultureInfo.InvariantCulture, $"{_tried.Count} mutants: {Count(_tried, Verdict.Killed)} killed, {Count(_tried, Verdict.Equivalent)} equivalent, {Count(_tried, Verdict.Survived)} survived{LeftOut}.\n\n");
        text.Append("| file | mutants | killed | equivalent | survived |\n|---|--:|--:|--:|--:|\n");
        foreach (var file in _tried.GroupBy(outcome => outcome.Mutant.File).OrderBy(file => file.Key, StringComparer.Ordinal)) text.Append(CultureInfo.InvariantCulture, $"| {file.Key} | {string.Join(" | ", Counts(file))} |\n");
        return text.ToString();
    }

    private static string[] Counts(IEnumerable<Outcome> some) =>
        [.. new[] { some.Count(), Count(some, Verdict.Killed), Count(some, Verdict.Equivalent), Count(some, Verdict.Survived) }.Select(count => count.ToString(CultureInfo.InvariantCulture))];

    private static int Count(IEnumerable<Outcome> some, Verdict verdict) => some.Count(outcome => outcome.Verdict == verdict);
}

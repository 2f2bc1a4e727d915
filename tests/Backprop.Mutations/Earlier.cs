using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Backprop.Mutations;

/// <summary>What an earlier run has found, so that a long run need not begin anew where little has changed: what was killed, in files that are the same, stays killed as long as tests are only added.</summary>
internal sealed partial class Earlier
{
    private readonly Dictionary<(string File, int Line, string Member, string Kind), List<Verdict>> _verdicts = [];
    private readonly HashSet<string> _changed;

    private Earlier(HashSet<string> changed) => _changed = changed;

    /// <summary>Reads what <c>--verbose</c> has printed.</summary>
    /// <param name="path">The file with its output.</param>
    /// <param name="commit">The commit that it was run on.</param>
    /// <param name="root">The repository.</param>
    public static Earlier Read(string path, string commit, string root)
    {
        var earlier = new Earlier(ChangedSince(commit, root));
        foreach (var line in File.ReadLines(path))
        {
            if (Line().Match(line) is not { Success: true } match) continue;
            var key = (match.Groups["file"].Value, int.Parse(match.Groups["line"].Value, CultureInfo.InvariantCulture), match.Groups["member"].Value, match.Groups["kind"].Value);
            if (!earlier._verdicts.TryGetValue(key, out var verdicts)) earlier._verdicts.Add(key, verdicts = []);
            verdicts.Add(Enum.Parse<Verdict>(match.Groups["verdict"].Value));
        }

        return earlier;
    }

    /// <summary>What became of mutants of one place and kind; null where they must be tried: their file has changed, one survived, or fewer or more are known.</summary>
    public Verdict? Of(IReadOnlyCollection<Mutant> alike)
    {
        var first = alike.First();
        return !_changed.Contains(first.File) && _verdicts.TryGetValue((first.File, first.Line, first.Member, first.Kind), out var verdicts) && verdicts.Count == alike.Count
            && verdicts[0] is Verdict.Killed or Verdict.Uncompilable && verdicts.TrueForAll(verdict => verdict == verdicts[0])
            ? verdicts[0]
            : null;
    }

    private static HashSet<string> ChangedSince(string commit, string root)
    {
        const string Source = "src/Backprop/";
        using var git = Process.Start(new ProcessStartInfo("git", ["-C", root, "diff", "--name-only", commit, "--", Source]) { RedirectStandardOutput = true })!;
        var names = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        if (git.ExitCode != 0) throw new ArgumentException($"git knows no commit {commit}.", nameof(commit));
        return [.. names.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(name => name.Trim()[Source.Length..])];
    }

    [GeneratedRegex(@"^(?<file>[\w/.-]+\.cs):(?<line>\d+) (?<member>\S+) \((?<kind>[^)]+)\) (?<verdict>Killed|Survived|Equivalent|Uncompilable)")]
    private static partial Regex Line();
}

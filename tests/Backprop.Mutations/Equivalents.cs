using System.Text;

namespace Backprop.Mutations;

/// <summary>The mutants that compute the same, or what no test can tell apart, each with its reason: <c>equivalents.txt</c>.</summary>
/// <remarks>
/// They are found again by file, original and mutated text, wherever the lines have gone. The file reads as a patch does:
/// <code>
/// Layers/Activations/ReLU.cs
/// - V.Select(x > 0, x, 0)
/// + V.Select(x >= 0, x, 0)
/// = why they are the same
/// </code>
/// One reason may follow several pairs. Where a text is too short to say which one is meant, the member follows the file: <c>Layers/Recurrent/RNN.cs RNN.ReLUCell.Keeps</c>.
/// </remarks>
internal sealed class Equivalents
{
    private readonly Dictionary<(string File, string Original, string Mutated), string> _reasons = [];
    private readonly HashSet<(string File, string Original, string Mutated)> _used = [];

    /// <summary>Reads the list.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FormatException">A line is none of the four kinds, or a pair has no reason.</exception>
    public static Equivalents Read(string path)
    {
        var list = new Equivalents();
        string file = "", original = "";
        List<(string, string, string)> pairs = [];
        foreach (var (number, line) in File.ReadLines(path, Encoding.UTF8).Index())
        {
            var text = line.Length > 2 ? line[2..].Trim() : "";
            switch (line)
            {
                case "" or ['#', ..]: break;
                case ['-', ' ', ..]: original = text; break;
                case ['+', ' ', ..] when file.Length > 0 && original.Length > 0: pairs.Add((file, original, text)); break;
                case ['=', ' ', ..] when pairs.Count > 0:
                    foreach (var pair in pairs) list._reasons[pair] = text;
                    pairs.Clear();
                    break;
                case not ['-' or '+' or '=', ..] when pairs.Count == 0: (file, original) = (line.Trim(), ""); break;
                default: throw new FormatException($"{path} expects a file, '- original', '+ mutated' or '= reason', but line {number + 1} is: {line}");
            }
        }

        return pairs.Count == 0 ? list : throw new FormatException($"{path} expects a reason after the last pair, but there is none.");
    }

    /// <summary>Why a mutant computes the same; null where the list does not have it.</summary>
    public string? ReasonOf(Mutant mutant)
    {
        foreach (var place in (string[])[mutant.File, $"{mutant.File} {mutant.Member}"])
        {
            var key = (place, mutant.Original, mutant.Mutated);
            if (!_reasons.TryGetValue(key, out var reason)) continue;
            _used.Add(key);
            return reason;
        }

        return null;
    }

    /// <summary>Those of the list that were not asked for: their source has changed.</summary>
    public IEnumerable<string> Stale => _reasons.Keys.Where(key => !_used.Contains(key)).Select(key => $"{key.File}: {key.Mutated}");
}

using System.Text.RegularExpressions;

namespace Backprop.Tests.Docs;

/// <summary>A C# block of a Markdown file.</summary>
/// <remarks>
/// <para>A block is a program. One marked <c>```csharp continues</c> goes on where the block before it ended, and one marked <c>```csharp no-run</c> is only compiled.</para>
/// <para>A block of any language that is marked <c>from</c> and a file, <c>```csharp from samples/a.cs</c>, is no program but a part of that file.</para>
/// <para>A <c>```text</c> block that comes next, before any other, is what it prints. A line <c>...</c> in it stands for any lines.</para>
/// </remarks>
/// <param name="File">The file, from the repository's root.</param>
/// <param name="Line">The line of its first fence.</param>
/// <param name="Code">What stands between the fences.</param>
/// <param name="Info">What follows ```csharp.</param>
/// <param name="Prints">What it should print, or null where nothing is said.</param>
internal sealed partial record Snippet(string File, int Line, string Code, string Info, string? Prints)
{
    public bool Continues => Info == "continues";

    public bool Runs => Info != "no-run";

    /// <summary>The programs in a file: a block and those that continue it.</summary>
    public static IReadOnlyList<IReadOnlyList<Snippet>> Programs(string file, string markdown)
    {
        var programs = new List<List<Snippet>>();
        foreach (var snippet in Of(file, markdown))
            if (!snippet.Continues) programs.Add([snippet]);
            else if (programs.Count > 0) programs[^1].Add(snippet);
            else throw new InvalidDataException($"{file}:{snippet.Line} continues a block, but there is none before it.");
        return programs;
    }

    /// <summary>Whether the output is what the text block says.</summary>
    public static bool Agrees(string expected, string output)
    {
        var lines = expected.Split('\n').Select(line => line == "..." ? "(.*\n)*" : Regex.Escape(line.TrimEnd()) + " *\n");
        return Regex.IsMatch(output.TrimEnd('\n') + "\n", $"^{string.Concat(lines)}$(?!\n)");
    }

    /// <summary>The blocks that are parts of files: the line of each, the file's path from the root, and the part.</summary>
    public static IEnumerable<(int Line, string From, string Code)> Parts(string markdown) =>
        Fence().Matches(markdown).Where(block => Source(block).Length > 0).Select(block => (markdown.AsSpan(0, block.Index).Count('\n') + 1, Source(block), block.Groups["body"].Value));

    private static string Source(Match block) => block.Groups["info"].Value.Trim() is var info && info.StartsWith("from ", StringComparison.Ordinal) ? info["from ".Length..] : "";

    private static IEnumerable<Snippet> Of(string file, string markdown)
    {
        var blocks = Fence().Matches(markdown).ToArray();
        for (var i = 0; i < blocks.Length; i++)
        {
            if (blocks[i].Groups["language"].Value != "csharp" || Source(blocks[i]).Length > 0) continue;
            var (line, info) = (markdown.AsSpan(0, blocks[i].Index).Count('\n') + 1, blocks[i].Groups["info"].Value.Trim());
            if (info is not ("" or "continues" or "no-run")) throw new InvalidDataException($"{file}:{line} is marked '{info}'; known are 'continues', 'no-run' and 'from', with a file.");
            var next = i + 1 < blocks.Length && blocks[i + 1].Groups["language"].Value == "text" ? blocks[i + 1].Groups["body"].Value.TrimEnd('\n') : null;
            yield return new(file, line, blocks[i].Groups["body"].Value, info, next);
        }
    }

    [GeneratedRegex("^```(?<language>\\w+)(?<info>[^\n]*)\n(?<body>(?:(?!```).*\n)*)```$", RegexOptions.Multiline)]
    private static partial Regex Fence();
}

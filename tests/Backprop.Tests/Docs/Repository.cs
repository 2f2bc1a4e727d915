namespace Backprop.Tests.Docs;

/// <summary>The files that a clone has and a package does not: the documentation, and the sources of the tests.</summary>
internal static class Repository
{
    /// <summary>The directory of the solution. Not by the path of this file, which a deterministic build hides.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The README and everything in docs/, by their paths from the root.</summary>
    public static IReadOnlyList<string> MarkdownFiles { get; } =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", .. Directory.GetFiles(Path.Combine(Root, "docs"), "*.md").Select(file => $"docs/{Path.GetFileName(file)}").Order(StringComparer.Ordinal)];

    /// <summary>The text of a file, with \n between its lines on every system.</summary>
    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path)).ReplaceLineEndings("\n");

    private static string FindRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Backprop.sln"))) directory = Path.GetDirectoryName(directory) ?? throw new DirectoryNotFoundException("The tests do not lie in the repository.");
        return directory;
    }
}

namespace Backprop.Mutations;

/// <summary>Where things are.</summary>
internal static class Repository
{
    /// <summary>The directory of the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The tests as the build has put them, in the configuration of this program.</summary>
    public static string Tests { get; } = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory).Replace("Backprop.Mutations", "Backprop.Tests", StringComparison.Ordinal);

    private static string FindRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Backprop.sln"))) directory = Path.GetDirectoryName(directory) ?? throw new DirectoryNotFoundException("Mutants are made in the repository, but this program does not lie in it.");
        return directory;
    }
}

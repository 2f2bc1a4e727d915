namespace Backprop;

/// <summary>What a model took from a file, and what it did not. All names are PyTorch's: <c>hidden.weight</c>.</summary>
/// <param name="Loaded">What both have, and the model now has from the file.</param>
/// <param name="Missing">What the model has and the file lacks: it stays as it was. Empty where loading is strict.</param>
/// <param name="Unexpected">What the file has and the model lacks. Empty where loading is strict.</param>
public sealed record LoadReport(IReadOnlyList<string> Loaded, IReadOnlyList<string> Missing, IReadOnlyList<string> Unexpected)
{
    /// <summary>What the file calls the classes that the model tells apart; null where it does not say.</summary>
    public Classes? Classes { get; init; }

    /// <summary>All that was loaded, missing and unexpected, a line each where there is any.</summary>
    public override string ToString() => string.Join('\n', new[] { Line("loaded", Loaded), Line("missing", Missing), Line("unexpected", Unexpected) }.Where(line => line.Length > 0));

    private static string Line(string what, IReadOnlyList<string> names) => names.Count == 0 ? "" : $"{what}: {string.Join(", ", names)}";
}

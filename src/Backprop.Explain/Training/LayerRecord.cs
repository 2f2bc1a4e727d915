namespace Backprop.Explain;

/// <summary>One place in the network that the story follows: a layer without layers in it, or one that has parameters of its own.</summary>
/// <param name="Path">Its path from the model, as in PyTorch's <c>state_dict</c>; empty where it is the model itself.</param>
/// <param name="Description">The layer as its constructor reads: <c>Linear(2 -> 3)</c>.</param>
public sealed record LayerRecord(string Path, string Description)
{
    /// <summary>How many numbers it learns that are not frozen: parameters of its own.</summary>
    public long Learning { get; init; }

    /// <summary>How many numbers of its own are frozen.</summary>
    public long Frozen { get; init; }

    /// <summary>Columns of its output, its units.</summary>
    public int Units { get; init; }

    /// <summary>Whether its output is the model's.</summary>
    public bool IsOutput { get; init; }

    /// <summary>The columns of the data it takes in, where it is the first to compute with it; null elsewhere, and where it brings data to a scale itself.</summary>
    public IReadOnlyList<ColumnRecord>? Inputs { get; init; }

    /// <summary>The matrix whose rows, one for each unit, were all equal when that was last looked at; null for none.</summary>
    public string? EqualRows { get; init; }

    /// <summary>With its description, for a sentence: <c>layer 2 (ReLU())</c>.</summary>
    public string Name => Path.Length == 0 ? $"the model, {Description}" : $"layer {Path} ({Description})";

    /// <inheritdoc/>
    public override string ToString() => Name;
}

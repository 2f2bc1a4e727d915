namespace Backprop.Explain;

/// <summary>What a <see cref="Diagnosis"/> says is wrong, why it says so, and what may help.</summary>
/// <param name="Title">What is wrong, in a line, with the layer where it has one: <c>layer 1 (ReLU()): 92 % of its units are dead</c>.</param>
/// <param name="Evidence">The numbers that it rests on, and at which epoch and batch they were seen; one or more sentences.</param>
/// <param name="Suggestion">What to try.</param>
public sealed record Finding(string Title, string Evidence, string Suggestion)
{
    /// <summary>The path of the layer that it is about, as in PyTorch's <c>state_dict</c>; null where it is about the whole training.</summary>
    public string? Layer { get; init; }

    /// <summary>The epoch in which it was seen, from 1; null where that says nothing.</summary>
    public int? Epoch { get; init; }

    /// <summary>The batch of that epoch, from 1; null where that says nothing.</summary>
    public int? Batch { get; init; }

    /// <summary>In a paragraph: title, evidence, suggestion.</summary>
    public override string ToString() => $"{Title}. {Evidence} {Suggestion}";
}

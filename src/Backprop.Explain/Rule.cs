namespace Backprop.Explain;

/// <summary>Where the entries of a quantity come from.</summary>
/// <param name="Layer">The path of the layer that says so; null for the loss and the step.</param>
/// <param name="Formula">In symbols; null where there is only a text.</param>
/// <param name="Numbers">With numbers, for an entry; null where only its value is known.</param>
/// <param name="IsGeneric">Whether the layer's own backward pass was asked.</param>
/// <param name="Note">What else there is to say.</param>
/// <param name="Influences">What it moves with, and how strongly, where the numbers of a formula are not known.</param>
/// <param name="Trouble">Why there are no numbers, once they were asked for.</param>
internal sealed record Rule(
    string? Layer, Expression? Formula, Func<int, int, Expression?> Numbers, bool IsGeneric = false, string? Note = null, Func<int, int, IReadOnlyList<LocalDerivative>>? Influences = null, Func<string?>? Trouble = null);

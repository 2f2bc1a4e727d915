namespace Backprop.Explain;

/// <summary>Terms that are too many to be shown, added up.</summary>
/// <param name="Count">How many.</param>
/// <param name="Total">What they come to.</param>
public sealed record Rest(int Count, double Total) : Expression
{
    /// <inheritdoc/>
    public override double Value => Total;
}

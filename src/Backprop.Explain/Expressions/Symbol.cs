namespace Backprop.Explain;

/// <summary>A symbol of CHAIN-RULE.md.</summary>
/// <param name="Name">Its name, such as <c>dY</c>.</param>
/// <param name="Indices">Its indices, such as <c>ik</c>; empty for none.</param>
public sealed record Symbol(string Name, string Indices) : Expression
{
    /// <inheritdoc/>
    public override double Value => double.NaN;
}

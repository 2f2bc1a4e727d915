namespace Backprop.Explain;

/// <summary>A number that stands in a formula.</summary>
/// <param name="Number">The number.</param>
public sealed record Constant(double Number) : Expression
{
    /// <inheritdoc/>
    public override double Value => Number;
}

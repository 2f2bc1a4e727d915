namespace Backprop.Explain;

/// <summary>A local derivative, ∂y[i, k]/∂x[p, q]: a number that the layer's own backward pass gives for a dY that is 1 there and 0 elsewhere.</summary>
/// <param name="Of">The entry of the output.</param>
/// <param name="By">The entry of the input, or of a parameter.</param>
/// <param name="Number">The derivative.</param>
public sealed record LocalDerivative(Expression Of, Expression By, double Number) : Expression
{
    /// <inheritdoc/>
    public override double Value => Number;
}

namespace Backprop.Explain;

/// <summary>Σ over an index.</summary>
/// <param name="Indices">The index.</param>
/// <param name="Body">What is summed.</param>
public sealed record SumOver(string Indices, Expression Body) : Expression
{
    /// <inheritdoc/>
    public override double Value => double.NaN;

    /// <inheritdoc/>
    public override IReadOnlyList<Expression> Parts => [Body];
}

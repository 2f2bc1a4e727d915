namespace Backprop.Explain;

/// <summary>a = b.</summary>
/// <param name="Left">a.</param>
/// <param name="Right">b.</param>
public sealed record Equation(Expression Left, Expression Right) : Expression
{
    /// <inheritdoc/>
    public override double Value => Right.Value;

    /// <inheritdoc/>
    public override IReadOnlyList<Expression> Parts => [Left, Right];

    /// <inheritdoc/>
    public override Expression Shortened(int terms) => new Equation(Left, Right.Shortened(terms));
}

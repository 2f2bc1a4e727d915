namespace Backprop.Explain;

/// <summary>-a.</summary>
/// <param name="Operand">a.</param>
public sealed record Negation(Expression Operand) : Expression
{
    /// <inheritdoc/>
    public override double Value => -Operand.Value;

    /// <inheritdoc/>
    public override IReadOnlyList<Expression> Parts => [Operand];

    internal override double Magnitude => Operand.Magnitude;

    /// <inheritdoc/>
    public override Expression Shortened(int terms) => new Negation(Operand.Shortened(terms));
}

namespace Backprop.Explain;

/// <summary>a / b.</summary>
/// <param name="Numerator">a.</param>
/// <param name="Denominator">b.</param>
public sealed record Quotient(Expression Numerator, Expression Denominator) : Expression
{
    /// <inheritdoc/>
    public override double Value => Numerator.Value / Denominator.Value;

    /// <inheritdoc/>
    public override IReadOnlyList<Expression> Parts => [Numerator, Denominator];

    internal override double Magnitude => Denominator.Value == 0 ? Math.Abs(Value) : (Numerator.Magnitude + Math.Abs(Value) * Denominator.Magnitude) / Math.Abs(Denominator.Value);

    /// <inheritdoc/>
    public override Expression Shortened(int terms) => new Quotient(Numerator.Shortened(terms), Denominator.Shortened(terms));
}

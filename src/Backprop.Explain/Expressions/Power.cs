namespace Backprop.Explain;

/// <summary>a^b.</summary>
/// <param name="Base">a.</param>
/// <param name="Exponent">b.</param>
public sealed record Power(Expression Base, Expression Exponent) : Expression
{
    /// <inheritdoc/>
    public override double Value => Exponent.Value == 2 ? Base.Value * Base.Value : Math.Pow(Base.Value, Exponent.Value);

    /// <inheritdoc/>
    public override IReadOnlyList<Expression> Parts => [Base, Exponent];

    internal override double Magnitude => Exponent.Value == 2 ? 2 * Math.Abs(Base.Value) * Base.Magnitude : Math.Abs(Value);

    /// <inheritdoc/>
    public override Expression Shortened(int terms) => new Power(Base.Shortened(terms), Exponent.Shortened(terms));
}

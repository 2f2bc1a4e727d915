namespace Backprop.Explain;

/// <summary>A product.</summary>
/// <param name="Factors">The factors, two at least.</param>
public sealed record Multiplication(IReadOnlyList<Expression> Factors) : Expression
{
    /// <inheritdoc/>
    public override double Value => Factors.Aggregate(1.0, (product, factor) => product * factor.Value);

    /// <inheritdoc/>
    public override IReadOnlyList<Expression> Parts => Factors;

    internal override double Magnitude => Factors.Aggregate(1.0, (product, factor) => product * factor.Magnitude);

    /// <inheritdoc/>
    public override Expression Shortened(int terms) => new Multiplication([.. Factors.Select(factor => factor.Shortened(terms))]);
}

namespace Backprop.Explain;

/// <summary>A product.</summary>
/// <param name="Factors">The factors, two at least.</param>
public sealed record Multiplication(IReadOnlyList<Expression> Factors) : Expression
{
    /// <inheritdoc/>
    public override double Value => Factors.Any(IsLeftOut) ? 0 : Factors.Aggregate(1.0, (product, factor) => product * factor.Value);

    /// <inheritdoc/>
    public override IReadOnlyList<Expression> Parts => Factors;

    // "dY where x > 0, else 0": there dY is left out, were it NaN.
    private static bool IsLeftOut(Expression factor) => factor is Cases { Chosen.Value: var value } && (value is Constant { Number: 0 } || IsLeftOut(value));

    internal override double Magnitude => Factors.Aggregate(1.0, (product, factor) => product * factor.Magnitude);

    /// <inheritdoc/>
    public override Expression Shortened(int terms) => new Multiplication([.. Factors.Select(factor => factor.Shortened(terms))]);
}

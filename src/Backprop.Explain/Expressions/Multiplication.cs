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

    // To first order: an error of each factor, times the others. The product of sizes would grow beyond all bounds in a long chain of products.
    internal override double Magnitude
    {
        get
        {
            var (magnitude, product) = (0.0, 1.0);
            foreach (var factor in Factors)
            {
                var value = Math.Abs(factor.Value);
                (magnitude, product) = (magnitude * value + product * factor.Magnitude, product * value);
            }

            return magnitude;
        }
    }

    /// <inheritdoc/>
    public override Expression Shortened(int terms) => new Multiplication([.. Factors.Select(factor => factor.Shortened(terms))]);
}

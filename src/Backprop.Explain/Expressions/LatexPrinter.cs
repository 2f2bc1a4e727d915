using System.Globalization;

namespace Backprop.Explain;

/// <summary>A formula in LaTeX, as GitHub renders it.</summary>
internal sealed class LatexPrinter : Printer
{
    private LatexPrinter() { }

    public static string Of(Expression expression) => new LatexPrinter().Print(expression);

    protected override void Number(double value)
    {
        var text = Numbers.Short(value);
        var exponent = text.IndexOf('e', StringComparison.Ordinal);
        Out.Append(double.IsNaN(value) ? @"\text{NaN}" : double.IsInfinity(value) ? value > 0 ? @"\infty" : @"-\infty"
            : exponent < 0 ? text : string.Create(CultureInfo.InvariantCulture, $@"{text[..exponent]} \cdot 10^{{{text[(exponent + 1)..]}}}"));
    }

    protected override void Address(Entry entry) => throw new NotSupportedException("Addresses are not written in LaTeX.");

    protected override void Symbol(Symbol symbol)
    {
        Out.Append(symbol.Name switch
        {
            "x̂" => @"\hat{x}",
            "dX̂" => @"d\hat{X}",
            "μ" => @"\mu",
            "σ" => @"\sigma",
            "ε" => @"\varepsilon",
            "α" => @"\alpha",
            "β" => @"\beta",
            "δ" => @"\delta",
            "λ" => @"\lambda",
            "η" => @"\eta",
            "ŷ" => @"\hat{y}",
            { Length: > 2 } word when !word.StartsWith('d') => $@"\text{{{word}}}",
            var name => name,
        });
        if (symbol.Indices.Length > 0) Out.Append("_{").Append(symbol.Indices).Append('}');
    }

    protected override void Times(Expression left, Expression right) => Out.Append(HasSymbols(left) || HasSymbols(right) ? @" \, " : @" \cdot ");

    protected override void Fraction(Quotient quotient, Tightness outer)
    {
        Out.Append(@"\frac{");
        Write(quotient.Numerator, Tightness.Equation);
        Out.Append("}{");
        Write(quotient.Denominator, Tightness.Equation);
        Out.Append('}');
    }

    protected override void Raised(Power power)
    {
        Write(power.Base, Tightness.Atom);
        Out.Append("^{");
        Write(power.Exponent, Tightness.Equation);
        Out.Append('}');
    }

    protected override void Call(Function function)
    {
        (var open, var close) = function.Name switch
        {
            "exp" => ("e^{", "}"),
            "sqrt" => (@"\sqrt{", "}"),
            "abs" => (@"\left|", @"\right|"),
            "softplus" => (@"\log\left(1 + e^{", @"}\right)"),
            "sigmoid" => (@"\sigma\left(", @"\right)"),
            "Phi" => (@"\Phi\left(", @"\right)"),
            "phi" => (@"\varphi\left(", @"\right)"),
            "sign" or "erf" => ($@"\operatorname{{{function.Name}}}\left(", @"\right)"),
            var name => ($@"\{name}\left(", @"\right)"),
        };
        Out.Append(open);
        List(function.Arguments);
        Out.Append(close);
    }

    protected override void Summed(SumOver sum)
    {
        Out.Append(@"\sum_{").Append(sum.Indices).Append("} ");
        Write(sum.Body, Tightness.Product);
    }

    protected override void Others(Rest rest)
    {
        Out.Append(@"\underbrace{");
        Number(rest.Total);
        Out.Append(@"}_{").Append(Numbers.Of(rest.Count)).Append(@"\ \text{more}}");
    }

    protected override void Choice(Cases cases)
    {
        Out.Append(@"\begin{cases}");
        foreach (var one in HasSymbols(cases) ? cases.All : [cases.Chosen])
        {
            Write(one.Value, Tightness.Sum);
            Out.Append(" & ");
            if (one.Condition is { } condition)
            {
                Out.Append(@"\text{if } ");
                Write(condition.A, Tightness.Sum);
                Out.Append(condition.Operator switch { "≤" => @" \le ", "≥" => @" \ge ", "<" => @" \lt ", ">" => @" \gt ", var same => $" {same} " });
                Write(condition.B, Tightness.Sum);
            }
            else
            {
                Out.Append(@"\text{otherwise}");
            }

            Out.Append(@" \\ ");
        }

        Out.Append(@"\end{cases}");
    }

    protected override void Derivative(LocalDerivative derivative) => Number(derivative.Number);

    protected override void Open() => Out.Append(@"\left(");

    protected override void Close() => Out.Append(@"\right)");

    // Fractions, roots and powers of e hold together by how they look.
    protected override Tightness TightnessOf(Expression expression) => expression is Quotient ? Tightness.Power : base.TightnessOf(expression);
}

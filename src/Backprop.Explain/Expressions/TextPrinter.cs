namespace Backprop.Explain;

/// <summary>A formula in plain text: <c>dW_kj = Σ_i dY_ik x_ij</c>.</summary>
internal sealed class TextPrinter : Printer
{
    private TextPrinter() { }

    /// <summary>With numbers, six digits of each.</summary>
    public static string Short(Expression expression) => new TextPrinter().Print(expression);

    /// <summary>With the addresses of its entries: <c>hidden.output.grad[0, 0] · x[0, 0]</c>.</summary>
    public static string WithAddresses(Expression expression) => new TextPrinter { ByAddress = true }.Print(expression);

    protected override void Number(double value) => Out.Append(Numbers.Short(value));

    // An address is not broken between lines.
    protected override void Address(Entry entry) => Out.Append(Escape.Text(entry.Address).Replace(' ', '\u00a0'));

    protected override void Symbol(Symbol symbol) => Out.Append(symbol.Name).Append(symbol.Indices.Length > 0 ? "_" : "").Append(symbol.Indices);

    protected override void Times(Expression left, Expression right) => Out.Append(HasSymbols(left) || HasSymbols(right) ? " " : " · ");

    protected override void Fraction(Quotient quotient, Tightness outer)
    {
        Write(quotient.Numerator, Tightness.Product);
        Out.Append(" / ");
        Write(quotient.Denominator, Tightness.Power);
    }

    protected override void Raised(Power power)
    {
        Write(power.Base, Tightness.Atom);
        Out.Append('^');
        Write(power.Exponent, Tightness.Atom);
    }

    protected override void Call(Function function)
    {
        switch (function.Name)
        {
            case "exp":
                Out.Append("e^");
                Write(function.Arguments[0], Tightness.Negation);
                return;
            case "abs":
                Out.Append('|');
                Write(function.Arguments[0], Tightness.Sum);
                Out.Append('|');
                return;
            case "softplus":
                Out.Append("log(1 + e^");
                Write(function.Arguments[0], Tightness.Negation);
                Out.Append(')');
                return;
            default:
                Out.Append(function.Name switch { "sigmoid" => "σ", "Phi" => "Φ", "phi" => "φ", var name => name }).Append('(');
                List(function.Arguments);
                Out.Append(')');
                return;
        }
    }

    protected override void Summed(SumOver sum)
    {
        Out.Append("Σ_").Append(sum.Indices).Append(' ');
        Write(sum.Body, Tightness.Product);
    }

    protected override void Others(Rest rest) => Out.Append('(').Append(Numbers.Of(rest.Count)).Append(" more: ").Append(Numbers.Short(rest.Total)).Append(')');

    protected override void Choice(Cases cases)
    {
        // In numbers only the case that counts, and why.
        var all = HasSymbols(cases) ? cases.All : [cases.Chosen];
        Out.Append('{');
        for (var i = 0; i < all.Count; i++)
        {
            if (i > 0) Out.Append(", ");
            Write(all[i].Value, Tightness.Sum);
            if (all[i].Condition is not { } condition)
            {
                Out.Append(all.Count > 1 ? " otherwise" : "");
                continue;
            }

            Out.Append(" if ");
            Write(condition.A, Tightness.Sum);
            Out.Append(' ').Append(condition.Operator).Append(' ');
            Write(condition.B, Tightness.Sum);
        }

        Out.Append('}');
    }

    protected override void Derivative(LocalDerivative derivative)
    {
        if (ByAddress)
        {
            Out.Append('∂');
            Write(derivative.Of, Tightness.Atom);
            Out.Append("/∂");
            Write(derivative.By, Tightness.Atom);
        }
        else
        {
            Number(derivative.Number);
        }
    }

    protected override void Open() => Out.Append('(');

    protected override void Close() => Out.Append(')');
}

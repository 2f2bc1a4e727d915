using System.Text;

namespace Backprop.Explain;

/// <summary>Writes an expression with as few brackets as it needs. How a fraction, a root or a sum looks, the form says that derives from it.</summary>
internal abstract class Printer
{
    /// <summary>How tightly an expression holds together.</summary>
    protected enum Tightness { Equation, Sum, Product, Negation, Power, Atom }

    protected StringBuilder Out { get; } = new();

    /// <summary>Whether entries are written as their numbers, or by their addresses.</summary>
    protected bool ByAddress { get; init; }

    protected string Print(Expression expression)
    {
        Write(expression, Tightness.Equation);
        return Out.ToString();
    }

    protected abstract void Number(double value);
    protected abstract void Address(Entry entry);
    protected abstract void Symbol(Symbol symbol);
    protected abstract void Times(Expression left, Expression right);
    protected abstract void Fraction(Quotient quotient, Tightness outer);
    protected abstract void Raised(Power power);
    protected abstract void Call(Function function);
    protected abstract void Summed(SumOver sum);
    protected abstract void Others(Rest rest);
    protected abstract void Choice(Cases cases);
    protected abstract void Derivative(LocalDerivative derivative);
    protected abstract void Open();
    protected abstract void Close();

    protected void Write(Expression expression, Tightness outer)
    {
        var bracketed = outer > TightnessOf(expression);
        if (bracketed) Open();
        switch (expression)
        {
            case Constant constant: Number(constant.Number); break;
            case Entry entry when ByAddress: Address(entry); break;
            case Entry entry: Number(entry.Value); break;
            case Symbol symbol: Symbol(symbol); break;
            case Rest rest: Others(rest); break;
            case LocalDerivative derivative: Derivative(derivative); break;
            case Equation equation:
                Write(equation.Left, Tightness.Sum);
                Out.Append(" = ");
                Write(equation.Right, Tightness.Sum);
                break;
            case Addition sum:
                for (var i = 0; i < sum.All.Count; i++)
                {
                    var term = sum.All[i];
                    if (i > 0) Out.Append(term is Negation ? " - " : " + ");
                    if (i > 0 && term is Negation negated) Write(negated.Operand, Later(negated.Operand));
                    else Write(term, i == 0 && term is not Addition ? Tightness.Sum : Later(term));
                }

                break;
            case Multiplication product:
                for (var i = 0; i < product.Factors.Count; i++)
                {
                    if (i > 0) Times(product.Factors[i - 1], product.Factors[i]);
                    Write(product.Factors[i], i == 0 && outer < Tightness.Product ? Tightness.Product : Tightness.Power);
                }

                break;
            case Negation negation:
                Out.Append('-');
                Write(negation.Operand, Tightness.Negation);
                break;
            case Quotient quotient: Fraction(quotient, outer); break;
            case Power power: Raised(power); break;
            case Function function: Call(function); break;
            case SumOver sum: Summed(sum); break;
            case Cases cases: Choice(cases); break;
            default: throw new NotSupportedException($"{expression.GetType().Name} is no part of a formula.");
        }

        if (bracketed) Close();
    }

    protected virtual Tightness TightnessOf(Expression expression) => expression switch
    {
        Equation => Tightness.Equation,
        Addition => Tightness.Sum,
        SumOver => Tightness.Product,
        Multiplication => Tightness.Product,
        Quotient => Tightness.Product,
        Negation => Tightness.Product,
        Power => Tightness.Power,
        Constant or Entry { } when !ByAddress || expression is Constant => expression.Value < 0 ? Tightness.Negation : Tightness.Atom,
        LocalDerivative derivative => derivative.Number < 0 ? Tightness.Negation : Tightness.Atom,
        _ => Tightness.Atom,
    };

    // A negative number that comes after a sign is put into brackets.
    private static Tightness Later(Expression term) => term is Constant or Entry or LocalDerivative ? Tightness.Power : Tightness.Product;

    /// <summary>Writes parts with a comma between them.</summary>
    protected void List(IEnumerable<Expression> parts)
    {
        var first = true;
        foreach (var part in parts)
        {
            if (!first) Out.Append(", ");
            first = false;
            Write(part, Tightness.Sum);
        }
    }

    protected static bool HasSymbols(Expression expression) => expression is Symbol || expression.Parts.Any(HasSymbols);
}

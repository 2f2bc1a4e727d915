namespace Backprop.Explain;

/// <summary>A formula: in symbols, as CHAIN-RULE.md has it, or with the entries of quantities in their place. It can be evaluated, written, and taken apart.</summary>
/// <remarks>The same function makes both: <c>x => x * x</c> of a symbol is the formula, and of an entry the formula with numbers. Everything is computed in double.</remarks>
public abstract record Expression
{
    /// <summary>What it comes to; NaN where it has symbols in it.</summary>
    public abstract double Value { get; }

    /// <summary>What it would come to if nothing cancelled: the size that rounding errors are measured by.</summary>
    internal virtual double Magnitude => Math.Abs(Value);

    /// <summary>The largest size on the way to it.</summary>
    internal double Largest => Parts.Aggregate(Magnitude, (largest, part) => Math.Max(largest, part.Largest));

    /// <summary>The parts it is directly made of.</summary>
    public virtual IReadOnlyList<Expression> Parts => [];

    /// <summary>All entries in it, from left to right.</summary>
    public IEnumerable<Entry> Entries
    {
        get
        {
            var rest = new Stack<Expression>([this]);
            while (rest.TryPop(out var next))
            {
                if (next is Entry entry) yield return entry;
                for (var i = next.Parts.Count - 1; i >= 0; i--) rest.Push(next.Parts[i]);
            }
        }
    }

    /// <summary>The terms it is the sum of; itself where it is no sum.</summary>
    public virtual IReadOnlyList<Expression> Terms => [this];

    /// <summary>A constant.</summary>
    /// <param name="value">The number.</param>
    public static implicit operator Expression(double value) => new Constant(value);

    /// <summary>A constant.</summary>
    /// <param name="value">The number.</param>
    public static Expression FromDouble(double value) => new Constant(value);

    /// <summary>a + b.</summary>
    /// <param name="a">a.</param>
    /// <param name="b">b.</param>
    public static Expression operator +(Expression a, Expression b) => Add(a, b);

    /// <summary>a - b.</summary>
    /// <param name="a">a.</param>
    /// <param name="b">b.</param>
    public static Expression operator -(Expression a, Expression b) => Add(a, Negate(b));

    /// <summary>-a.</summary>
    /// <param name="a">a.</param>
    public static Expression operator -(Expression a) => Negate(a);

    /// <summary>a b.</summary>
    /// <param name="a">a.</param>
    /// <param name="b">b.</param>
    public static Expression operator *(Expression a, Expression b) => Multiply(a, b);

    /// <summary>a / b.</summary>
    /// <param name="a">a.</param>
    /// <param name="b">b.</param>
    public static Expression operator /(Expression a, Expression b) => Divide(a, b);

    /// <summary>a + b, the terms of both in one sum.</summary>
    /// <param name="a">a.</param>
    /// <param name="b">b.</param>
    public static Expression Add(Expression a, Expression b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        return new Addition([.. a.Terms, .. b.Terms]);
    }

    /// <summary>a - b.</summary>
    /// <param name="a">a.</param>
    /// <param name="b">b.</param>
    public static Expression Subtract(Expression a, Expression b) => a - b;

    /// <summary>-a.</summary>
    /// <param name="a">a.</param>
    public static Expression Negate(Expression a) => new Negation(a);

    /// <summary>a b.</summary>
    /// <param name="a">a.</param>
    /// <param name="b">b.</param>
    public static Expression Multiply(Expression a, Expression b) => Product([a, b]);

    /// <summary>a / b.</summary>
    /// <param name="a">a.</param>
    /// <param name="b">b.</param>
    public static Expression Divide(Expression a, Expression b) => new Quotient(a, b);

    /// <summary>The sum of terms; 0 without any. A term that is a sum itself stays together, in brackets.</summary>
    /// <param name="terms">The terms.</param>
    public static Expression Sum(IEnumerable<Expression> terms)
    {
        Expression[] all = [.. terms];
        return all.Length switch { 0 => new Constant(0), 1 => all[0], _ => new Addition(all) };
    }

    /// <summary>The sum of f(0), f(1), ...: so many terms.</summary>
    /// <param name="count">How many.</param>
    /// <param name="term">The term.</param>
    public static Expression Sum(int count, Func<int, Expression> term) => Sum(Enumerable.Range(0, count).Select(term));

    /// <summary>The product of factors; 1 without any. Products within it are made part of it.</summary>
    /// <param name="factors">The factors.</param>
    public static Expression Product(IEnumerable<Expression> factors)
    {
        Expression[] all = [.. factors.SelectMany(factor => factor is Multiplication product ? product.Factors : [factor])];
        return all.Length switch { 0 => new Constant(1), 1 => all[0], _ => new Multiplication(all) };
    }

    /// <summary>a^b.</summary>
    /// <param name="a">a.</param>
    /// <param name="b">b.</param>
    public static Expression Power(Expression a, Expression b) => new Power(a, b);

    /// <summary>e^a.</summary>
    /// <param name="a">a.</param>
    public static Expression Exp(Expression a) => new Function("exp", a);

    /// <summary>The natural logarithm.</summary>
    /// <param name="a">a.</param>
    public static Expression Log(Expression a) => new Function("log", a);

    /// <summary>The square root.</summary>
    /// <param name="a">a.</param>
    public static Expression Sqrt(Expression a) => new Function("sqrt", a);

    /// <summary>|a|.</summary>
    /// <param name="a">a.</param>
    public static Expression Abs(Expression a) => new Function("abs", a);

    /// <summary>The hyperbolic tangent.</summary>
    /// <param name="a">a.</param>
    public static Expression Tanh(Expression a) => new Function("tanh", a);

    /// <summary>1 / (1 + e^-a), written σ(a).</summary>
    /// <param name="a">a.</param>
    public static Expression Sigmoid(Expression a) => new Function("sigmoid", a);

    /// <summary>log(1 + e^a), found without overflow.</summary>
    /// <param name="a">a.</param>
    public static Expression Softplus(Expression a) => new Function("softplus", a);

    /// <summary>The greatest of some.</summary>
    /// <param name="all">Which.</param>
    public static Expression Max(params IEnumerable<Expression> all) => new Function("max", [.. all]);

    /// <summary>The least of some.</summary>
    /// <param name="all">Which.</param>
    public static Expression Min(params IEnumerable<Expression> all) => new Function("min", [.. all]);

    /// <summary>One value where a condition holds, another elsewhere.</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="then">Where it holds.</param>
    /// <param name="otherwise">Where it does not.</param>
    public static Expression Where(Condition condition, Expression then, Expression otherwise) => new Cases([new(then, condition), new(otherwise, null)]);

    /// <summary>A symbol: <c>dY</c> with the indices <c>ik</c>.</summary>
    /// <param name="name">The name.</param>
    /// <param name="indices">The indices; none for none.</param>
    public static Expression Symbol(string name, string indices = "") => new Symbol(name, indices);

    /// <summary>A sum in symbols: Σ over an index.</summary>
    /// <param name="indices">The index.</param>
    /// <param name="body">What is summed.</param>
    public static Expression SumOver(string indices, Expression body) => new SumOver(indices, body);

    /// <summary>a = b, a formula in symbols.</summary>
    /// <param name="a">Left.</param>
    /// <param name="b">Right.</param>
    public static Expression Equal(Expression a, Expression b) => new Equation(a, b);

    /// <summary>The same with sums of very many terms shortened: the largest stay, in their order, and the others are added up to one.</summary>
    /// <param name="terms">The terms that a sum may have.</param>
    public virtual Expression Shortened(int terms) => this;

    /// <summary>As text: <c>0.5 · -0.1 + 0.25</c>, six significant digits.</summary>
    public sealed override string ToString() => TextPrinter.Short(this);
}

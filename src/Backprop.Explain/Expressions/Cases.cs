namespace Backprop.Explain;

/// <summary>Values for conditions, of which the first that holds counts.</summary>
/// <param name="All">The cases; the last has no condition.</param>
public sealed record Cases(IReadOnlyList<Case> All) : Expression
{
    /// <inheritdoc/>
    public override double Value => Chosen.Value.Value;

    /// <summary>The case that counts.</summary>
    public Case Chosen => All.First(one => one.Condition?.Holds ?? true);

    /// <inheritdoc/>
    public override IReadOnlyList<Expression> Parts => [.. All.SelectMany(one => one.Condition is { } condition ? (Expression[])[one.Value, condition.A, condition.B] : [one.Value])];

    /// <inheritdoc/>
    public override Expression Shortened(int terms) => this;

    internal override double Magnitude => Chosen.Value.Magnitude;
}

/// <summary>A value and when it counts.</summary>
/// <param name="Value">The value.</param>
/// <param name="Condition">When; null for otherwise.</param>
public sealed record Case(Expression Value, Condition? Condition);

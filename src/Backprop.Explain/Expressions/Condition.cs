namespace Backprop.Explain;

/// <summary>A comparison.</summary>
/// <param name="A">Left.</param>
/// <param name="Operator">One of <c>&lt; &gt; ≤ ≥ =</c>.</param>
/// <param name="B">Right.</param>
public sealed record Condition(Expression A, string Operator, Expression B)
{
    /// <summary>Whether it holds; never with NaN.</summary>
    public bool Holds => Operator switch
    {
        "<" => A.Value < B.Value,
        ">" => A.Value > B.Value,
        "≤" => A.Value <= B.Value,
        "≥" => A.Value >= B.Value,
        "=" => A.Value == B.Value,
        _ => throw new NotSupportedException($"A condition expects one of < > ≤ ≥ =, but has {Operator}."),
    };
}

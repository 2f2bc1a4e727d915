namespace Backprop.Explain;

/// <summary>A sum.</summary>
/// <param name="All">The terms, two at least.</param>
public sealed record Addition(IReadOnlyList<Expression> All) : Expression
{
    /// <inheritdoc/>
    public override double Value => All.Sum(term => term.Value);

    /// <inheritdoc/>
    public override IReadOnlyList<Expression> Parts => All;

    /// <inheritdoc/>
    public override IReadOnlyList<Expression> Terms => All;

    internal override double Magnitude => All.Sum(term => term.Magnitude);

    /// <inheritdoc/>
    public override Expression Shortened(int terms)
    {
        if (All.Count <= terms) return new Addition([.. All.Select(term => term.Shortened(terms))]);
        // What is not finite comes first: it is what one looks for.
        var kept = Enumerable.Range(0, All.Count).OrderByDescending(i => double.IsFinite(All[i].Value) ? Math.Abs(All[i].Value) : double.PositiveInfinity).Take(Math.Max(1, terms - 1)).ToHashSet();
        var rest = Enumerable.Range(0, All.Count).Where(i => !kept.Contains(i)).ToArray();
        return new Addition([.. Enumerable.Range(0, All.Count).Where(kept.Contains).Select(i => All[i].Shortened(terms)), new Rest(rest.Length, rest.Sum(i => All[i].Value))]);
    }
}

namespace Backprop.Explain;

/// <summary>Where a number comes from.</summary>
/// <remarks>The value is the library's. The formula with numbers is computed beside it, from its factors, and compared: an explanation that does not give the library's number says so in <see cref="Agrees"/>.</remarks>
public sealed class Answer
{
    internal Answer(Entry entry, bool isFloat)
    {
        (Entry, Value) = (entry, entry.Value);
        var rules = entry.Quantity.Rules;
        if (rules.Count == 0) return;
        var first = rules[0];
        Expression?[] parts = [.. rules.Select(rule => rule.Numbers(entry.Row, entry.Column))];
        (Layer, Formula, IsGeneric) = (first.Layer, first.Formula, rules.Any(rule => rule.IsGeneric));
        Note = rules.Count == 1 ? first.Note : $"It stands in several places, and their shares are added: {string.Join(", ", rules.Select(rule => rule.Layer))}.";
        if (parts.Any(part => part is null))
        {
            Influences = first.Influences?.Invoke(entry.Row, entry.Column) ?? [];
            Note ??= rules.Select(rule => rule.Trouble?.Invoke()).FirstOrDefault(trouble => trouble is not null);
            return;
        }

        Numbers = Expression.Sum(parts.SelectMany(part => part!.Terms));
        Computed = Numbers.Value;
        Agrees = Computed.Equals(Value) || Math.Abs(Computed - Value) <= Tolerance(isFloat, Numbers.Magnitude) || (!double.IsFinite(Value) && Overflows(isFloat, Numbers.Largest));
    }

    /// <summary>What was asked for.</summary>
    public Entry Entry { get; }

    /// <summary>The library's number.</summary>
    public double Value { get; }

    /// <summary>The path of the layer whose formula it is; null for data, parameters, the loss and the step.</summary>
    public string? Layer { get; }

    /// <summary>The formula in the symbols of CHAIN-RULE.md; null where nothing comes before, or only the layer's own text says.</summary>
    public Expression? Formula { get; }

    /// <summary>The formula with numbers: its entries can be asked on. Null where nothing comes before, and where the layer says nothing of the terms.</summary>
    public Expression? Numbers { get; }

    /// <summary>What the number moves with, and how strongly, the largest local derivatives first: for a layer that computes it in ways that only the layer knows. Empty where there are <see cref="Numbers"/>.</summary>
    public IReadOnlyList<LocalDerivative> Influences { get; } = [];

    /// <summary>What <see cref="Numbers"/> comes to; NaN without.</summary>
    public double Computed { get; } = double.NaN;

    /// <summary>Whether that is the library's number: within 1e-12 + 1e-10 of the terms' size in double, 1e-6 + 1e-5 in float. True where there is nothing to compare.</summary>
    public bool Agrees { get; } = true;

    /// <summary>Whether the local derivatives were found by the layer's own backward pass, since nothing says them more beautifully.</summary>
    public bool IsGeneric { get; }

    /// <summary>What else there is to say; null for nothing.</summary>
    public string? Note { get; }

    /// <summary>Whether it is data or a parameter: nothing comes before.</summary>
    public bool IsGiven => Entry.Quantity.Kind is QuantityKind.Data or QuantityKind.Parameter;

    /// <summary>The terms that it is the sum of.</summary>
    public IReadOnlyList<Expression> Terms => Numbers?.Terms ?? [];

    /// <summary>As text of at most 80 columns.</summary>
    public override string ToString() => TextForm.Of(this);

    // A float overflows where the double beside it does not: in a sum that is divided afterwards, or of terms that cancel.
    private static bool Overflows(bool isFloat, double size) => isFloat ? size > float.MaxValue : double.IsPositiveInfinity(size);

    private static double Tolerance(bool isFloat, double size) => isFloat ? 1e-6 + 1e-5 * size : 1e-12 + 1e-10 * size;
}

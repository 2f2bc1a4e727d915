namespace Backprop.Explain;

/// <summary>A layer as it stands in an explained network.</summary>
/// <param name="Path">The names on the way to it: <c>encoder.0</c>; empty for the network itself.</param>
/// <param name="Depth">How many layers it stands in.</param>
/// <param name="IsLeaf">Whether no layers stand in it.</param>
/// <param name="Type">The name of its type.</param>
/// <param name="Text">The layer as its constructor reads.</param>
/// <param name="Input">What it is given.</param>
/// <param name="Output">What it makes of that.</param>
public sealed record ExplainedLayer(string Path, int Depth, bool IsLeaf, string Type, string Text, Quantity Input, Quantity Output)
{
    /// <summary>Its last name; <c>network</c> for the network itself.</summary>
    public string Name => Path.Length == 0 ? "network" : Path[(Path.LastIndexOf('.') + 1)..];

    /// <summary>dL/dX as it returned it; null without a loss, or where nobody needed it.</summary>
    public Quantity? InputGradient { get; internal set; }

    /// <summary>dL/dY as it was given it; null without a loss.</summary>
    public Quantity? OutputGradient { get; internal set; }

    /// <summary>Its own parameters.</summary>
    public IReadOnlyList<Quantity> Parameters { get; internal set; } = [];

    /// <summary>What else the explanation defines on the way: means, masks, shares.</summary>
    public IReadOnlyList<Quantity> Definitions { get; internal set; } = [];

    /// <summary>Its formula, as the layer says it.</summary>
    public string Formula { get; internal set; } = "";

    /// <summary>Its derivative, as the layer says it.</summary>
    public string Derivative { get; internal set; } = "";

    /// <summary>The formulas in symbols: of the output first, then of the gradients.</summary>
    public IReadOnlyList<Expression> Formulas { get; internal set; } = [];

    /// <summary>What the symbols stand for.</summary>
    public IReadOnlyList<(string Symbol, Quantity Quantity)> Legend { get; internal set; } = [];

    /// <summary>What one would notice: zeros, saturated entries, what is not finite.</summary>
    public IReadOnlyList<string> Facts { get; internal set; } = [];

    /// <summary>Whether it applies a function to each entry.</summary>
    public bool IsActivation { get; internal set; }

    /// <summary>The share of entries whose local derivative is at most 0.01 in size; null for what is no activation.</summary>
    public double? Saturated { get; internal set; }
}

namespace Backprop.Explain;

/// <summary>The loss of an explained network.</summary>
/// <param name="Text">The loss as its constructor reads.</param>
/// <param name="Value">L.</param>
/// <param name="Prediction">What the network says.</param>
/// <param name="Target">What it should say.</param>
public sealed record ExplainedLoss(string Text, Quantity Value, Quantity Prediction, Quantity Target)
{
    /// <summary>Its formula, as the loss says it.</summary>
    public string Formula { get; internal set; } = "";

    /// <summary>Its derivative, as the loss says it.</summary>
    public string Derivative { get; internal set; } = "";

    /// <summary>Its formulas in symbols: L first, then dL/dprediction.</summary>
    public IReadOnlyList<Expression> Formulas { get; internal set; } = [];

    /// <summary>What the symbols stand for.</summary>
    public IReadOnlyList<(string Symbol, Quantity Quantity)> Legend { get; internal set; } = [];
}

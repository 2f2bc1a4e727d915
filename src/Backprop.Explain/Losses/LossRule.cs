namespace Backprop.Explain;

/// <summary>Where a loss and its gradient come from.</summary>
/// <param name="Formula">L in symbols; null where only the loss's own text says.</param>
/// <param name="Value">L with numbers; null where nothing says its terms.</param>
/// <param name="GradientFormula">dL/dp in symbols.</param>
/// <param name="Gradient">dL/dp of an entry with numbers.</param>
/// <param name="IsGeneric">Whether the loss's own backward pass was asked.</param>
/// <param name="Note">What else there is to say.</param>
internal sealed record LossRule(Expression? Formula, Func<Expression?> Value, Expression? GradientFormula, Func<int, int, Expression?> Gradient, bool IsGeneric = false, string? Note = null);

namespace Backprop.Playground;

/// <summary>An entry of a parameter and its value.</summary>
/// <param name="Parameter">The parameter's name: <c>hidden.weight</c>.</param>
/// <param name="Row">The row; 0 for a vector.</param>
/// <param name="Column">The column.</param>
/// <param name="Value">The value.</param>
internal readonly record struct StartEntry(string Parameter, int Row, int Column, double Value);

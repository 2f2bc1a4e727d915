namespace Backprop;

/// <summary>What the slopes to the two sides of a value say.</summary>
/// <param name="Kind">What may be there.</param>
/// <param name="Below">The slope from below.</param>
/// <param name="Above">The slope from above.</param>
internal readonly record struct Bend(BendKind Kind, double Below, double Above);

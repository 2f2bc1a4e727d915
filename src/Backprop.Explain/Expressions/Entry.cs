using System.Globalization;

namespace Backprop.Explain;

/// <summary>An entry of a quantity, of which can be asked where it comes from.</summary>
/// <param name="Quantity">The quantity.</param>
/// <param name="Row">The row, from 0.</param>
/// <param name="Column">The column, from 0.</param>
public sealed record Entry(Quantity Quantity, int Row, int Column) : Expression
{
    /// <inheritdoc/>
    public override double Value => Quantity.ValueAt(Row, Column);

    // What is computed on the way carries the rounding of what it is made of: the size of x - mean is that of x.
    internal override double Magnitude => Quantity.MagnitudeAt(Row, Column);

    /// <summary>The address: <c>hidden.weight.grad[0, 2]</c>.</summary>
    public string Address => Quantity.Rank switch
    {
        0 => Quantity.Address,
        1 => string.Create(CultureInfo.InvariantCulture, $"{Quantity.Address}[{Column}]"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{Quantity.Address}[{Row}, {Column}]"),
    };
}

using System.Globalization;
using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

/// <summary>A layer of the library, of how many columns it is asked, and how many rows it wants.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Columns">Columns of the input.</param>
/// <param name="Rows">Rows that it takes: a multiple of these.</param>
/// <param name="Classes">Where entries are whole numbers, how many there are of them.</param>
internal sealed record Case<T>(Layer<T> Layer, int Columns, int Rows = 1, int Classes = 0) where T : unmanaged, IFloatingPointIeee754<T>
{
    public string Kind => Layer.GetType().Name.Split('`')[0];

    /// <summary>Random entries, of both signs, with kinks and larger numbers among them; or classes; for Impute, gaps.</summary>
    public Matrix<T> Input(int times, int seed)
    {
        var random = new Random(seed);
        double[] special = [0, 0.25, -0.25, 0.5, -0.5, 1, -1, 3, -3, 6, 10.5, 21, -21, 45, -45];
        return Matrix<T>.Build.Dense(Rows * times, Columns, (_, _) => Layer switch
        {
            _ when Classes > 0 => T.CreateChecked(random.Next(Classes)),
            Impute<T> when random.Next(3) == 0 => T.NaN,
            _ => T.CreateChecked(random.Next(4) == 0 ? special[random.Next(special.Length)] : 6 * random.NextDouble() - 3),
        });
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Layer} of {Columns}");
}

using System.Numerics;

namespace Backprop.Kernels;

/// <summary>The turn of each pair of columns at each place: cos and sin of place · base^(-2 pair / width). Places of a pair lie side by side.</summary>
internal sealed class RotationTable<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    internal RotationTable(int places, int width, double @base)
    {
        unchecked
        {
            Places = places;
            (Cos, Sin) = (new T[places * (width / 2)], new T[places * (width / 2)]);
            for (var pair = 0; pair < width / 2; pair++)
            {
                var frequency = Math.Pow(@base, -2.0 * pair / width);
                for (var t = 0; t < places; t++)
                {
                    var (sin, cos) = Math.SinCos(t * frequency);
                    (Cos[t + pair * places], Sin[t + pair * places]) = (T.CreateChecked(cos), T.CreateChecked(sin));
                }
            }
        }
    }

    /// <summary>Entries from one pair to the next.</summary>
    internal int Places { get; }

    internal T[] Cos { get; }

    internal T[] Sin { get; }
}

using System.Numerics;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>A product in parts: each computes columns of C of its own, or rows where there are more of those.</summary>
internal readonly struct SplitProduct<T>(Product<T> whole) : IParts where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Product<T> _whole = whole;

    public void Run(int part, int parts)
    {
        var product = _whole;
        if (product.Columns >= product.Rows || product.Columns >= 16 * Tile.Columns * parts)
        {
            var (start, count) = Share(product.Columns, Tile.Columns, part, parts);
            product.B = product.B.From(0, start);
            product.C = product.C.From(0, start);
            product.Columns = count;
        }
        else
        {
            var (start, count) = Share(product.Rows, 2 * Products.Lanes<T>(), part, parts);
            product.A = product.A.From(start, 0);
            product.C = product.C.From(start, 0);
            product.Rows = count;
        }

        if (product.Rows > 0 && product.Columns > 0) Dispatch.Run<T, Product<T>>(ref product);
    }

    /// <summary>Whole units, as many to each part as can be.</summary>
    private static (int Start, int Count) Share(int size, int unit, int part, int parts)
    {
        var units = (size + unit - 1L) / unit;
        int start = (int)Math.Min(size, units * part / parts * unit), end = (int)Math.Min(size, units * (part + 1) / parts * unit);
        return (start, end - start);
    }
}

using System.Numerics;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>A product in parts: each computes columns of C of its own, or rows where there are more of those.</summary>
internal readonly unsafe struct SplitProduct<T> : IParts where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Product<T> _whole;
    private readonly bool _byColumns;

    internal SplitProduct(Product<T> whole, int threads)
    {
        unchecked
        {
            _whole = whole;
            _byColumns = whole.Columns >= whole.Rows || whole.Columns >= 16L * Tile.Columns * threads;
            Parts = Math.Min(threads, _byColumns ? (whole.Columns + Tile.Columns - 1) / Tile.Columns : (whole.Rows + RowsOfTile - 1) / RowsOfTile);
        }
    }

    /// <summary>As many parts as threads, or fewer where they would get nothing.</summary>
    internal int Parts { get; }

    private static int RowsOfTile => unchecked(2 * Products.Lanes<T>());

    public void Run(int part, int parts)
    {
        var product = _whole;
        if (_byColumns)
        {
            var (start, count) = Share(product.Columns, Tile.Columns, part, parts);
            product.B = product.B.From(0, start);
            product.C = product.C.From(0, start);
            if (product.Bias != null) product.Bias += start;
            product.Columns = count;
        }
        else
        {
            var (start, count) = Share(product.Rows, RowsOfTile, part, parts);
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

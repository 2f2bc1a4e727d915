namespace Backprop.Explain;

/// <summary>What one looks at where there are too many numbers: how they are distributed, and which are the largest.</summary>
/// <param name="Min">The least; NaN where none is finite.</param>
/// <param name="Q1">The first quartile.</param>
/// <param name="Median">The median.</param>
/// <param name="Q3">The third quartile.</param>
/// <param name="Max">The greatest.</param>
/// <param name="Mean">The mean.</param>
/// <param name="Norm">The 2-norm of all, as one long vector.</param>
/// <param name="Zeros">The share of zeros.</param>
/// <param name="Largest">The five largest by size, with their places; NaN counts as larger than any.</param>
/// <param name="NotFinite">The first that is NaN or infinite; null for none.</param>
/// <param name="Histogram">Counts in 16 equal steps from <paramref name="Min"/> to <paramref name="Max"/>.</param>
public sealed record QuantitySummary(
    double Min, double Q1, double Median, double Q3, double Max, double Mean, double Norm, double Zeros, IReadOnlyList<Entry> Largest, Entry? NotFinite, IReadOnlyList<int> Histogram)
{
    private const int Bins = 16, Most = 5;

    /// <summary>Looks at a quantity. What is not finite is left out of all but the largest.</summary>
    /// <param name="quantity">The quantity.</param>
    /// <exception cref="ArgumentNullException"><paramref name="quantity"/> is null.</exception>
    public static QuantitySummary Of(Quantity quantity) => Of(quantity, isWhole: true);

    /// <summary>The whole of it, or only what needs no sorting: without quartiles, the largest and the histogram.</summary>
    internal static QuantitySummary Of(Quantity quantity, bool isWhole)
    {
        ArgumentNullException.ThrowIfNull(quantity);
        // In loops: a page that follows a drag asks for it of every quantity at once.
        var all = new double[quantity.Count];
        var (count, zeros, first, sum, squares, min, max) = (0, 0, -1, 0.0, 0.0, double.PositiveInfinity, double.NegativeInfinity);
        var finite = new double[all.Length];
        for (var e = 0; e < all.Length; e++)
        {
            var value = all[e] = quantity.ValueAt(e % quantity.Rows, e / quantity.Rows);
            if (value == 0) zeros++;
            if (!double.IsFinite(value))
            {
                if (first < 0) first = e;
                continue;
            }

            finite[count++] = value;
            sum += value;
            squares += value * value;
            if (value < min) min = value;
            if (value > max) max = value;
        }

        var (largest, notFinite, histogram) = (isWhole ? FindLargest(quantity, all) : [], first < 0 ? null : EntryAt(quantity, first), new int[Bins]);
        if (count == 0) return new(double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, 0, largest, notFinite, histogram);
        if (!isWhole) return new(min, double.NaN, double.NaN, double.NaN, max, sum / count, Math.Sqrt(squares), (double)zeros / all.Length, largest, notFinite, histogram);
        Array.Resize(ref finite, count);
        Array.Sort(finite);
        var width = max - min;
        foreach (var value in finite) histogram[width > 0 && double.IsFinite(width) ? Math.Min(Bins - 1, (int)((value - min) / width * Bins)) : 0]++;
        return new(min, Quantile(0.25), Quantile(0.5), Quantile(0.75), max, sum / count, Math.Sqrt(squares), (double)zeros / all.Length, largest, notFinite, histogram);

        double Quantile(double part)
        {
            var place = part * (finite.Length - 1);
            var (low, high) = (finite[(int)Math.Floor(place)], finite[(int)Math.Ceiling(place)]);
            return low + (place - Math.Floor(place)) * (high - low);
        }
    }

    /// <summary>The largest by size, the first of equals first.</summary>
    private static Entry[] FindLargest(Quantity quantity, double[] all)
    {
        var places = new List<int>(Most + 1);
        for (var e = 0; e < all.Length; e++)
        {
            var at = places.Count;
            if (at == Most && !(Size(e) > Size(places[^1]))) continue;
            while (at > 0 && Size(e) > Size(places[at - 1])) at--;
            places.Insert(at, e);
            if (places.Count > Most) places.RemoveAt(Most);
        }

        return [.. places.Select(e => EntryAt(quantity, e))];

        double Size(int e) => double.IsNaN(all[e]) ? double.PositiveInfinity : Math.Abs(all[e]);
    }

    private static Entry EntryAt(Quantity quantity, int e) => quantity[e % quantity.Rows, e / quantity.Rows];
}

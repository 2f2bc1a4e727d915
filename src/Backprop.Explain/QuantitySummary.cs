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
    public static QuantitySummary Of(Quantity quantity)
    {
        ArgumentNullException.ThrowIfNull(quantity);
        Entry EntryAt(int e) => quantity[e % quantity.Rows, e / quantity.Rows];
        var all = new double[quantity.Count];
        for (var e = 0; e < all.Length; e++) all[e] = EntryAt(e).Value;
        var finite = all.Where(double.IsFinite).Order().ToArray();
        var largest = Enumerable.Range(0, all.Length).OrderByDescending(e => double.IsNaN(all[e]) ? double.PositiveInfinity : Math.Abs(all[e])).Take(Most).Select(EntryAt).ToArray();
        var first = Array.FindIndex(all, value => !double.IsFinite(value));
        if (finite.Length == 0) return new(double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, 0, largest, first < 0 ? null : EntryAt(first), new int[Bins]);

        var histogram = new int[Bins];
        var (min, max) = (finite[0], finite[^1]);
        var width = max - min;
        foreach (var value in finite) histogram[width > 0 && double.IsFinite(width) ? Math.Min(Bins - 1, (int)((value - min) / width * Bins)) : 0]++;
        return new(min, Quantile(0.25), Quantile(0.5), Quantile(0.75), max, finite.Average(), Math.Sqrt(finite.Sum(value => value * value)), (double)all.Count(value => value == 0) / all.Length, largest, first < 0 ? null : EntryAt(first), histogram);

        double Quantile(double part)
        {
            var place = part * (finite.Length - 1);
            var (low, high) = (finite[(int)Math.Floor(place)], finite[(int)Math.Ceiling(place)]);
            return low + (place - Math.Floor(place)) * (high - low);
        }
    }
}

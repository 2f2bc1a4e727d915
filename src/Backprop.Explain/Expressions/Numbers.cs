using System.Globalization;

namespace Backprop.Explain;

/// <summary>How numbers are written, the same in every country.</summary>
internal static class Numbers
{
    /// <summary>Six significant digits at most: to be read.</summary>
    public static string Short(double value)
    {
        if (value == 0) return "0";
        var size = Math.Abs(value);
        if (!double.IsFinite(value)) return Full(value);
        if (size is >= 1e-4 and < 1e6) return value.ToString("G6", CultureInfo.InvariantCulture);
        return value.ToString("0.#####e+0", CultureInfo.InvariantCulture).Replace("e+", "e", StringComparison.Ordinal);
    }

    /// <summary>A way to write all numbers of a table with as many decimals as each other, so that digits stand below digits; what is very small beside the largest has an exponent.</summary>
    public static Func<double, string> Aligned(IEnumerable<double> values)
    {
        var size = values.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty(0).Max();
        if (size is not (>= 1e-3 and < 1e6)) return Short;
        var format = $"F{Of(6 - Math.Max(0, (int)Math.Floor(Math.Log10(size))))}";
        return value => !double.IsFinite(value) || (value != 0 && Math.Abs(value) < 1e-5 * size) ? Short(value) : value.ToString(format, CultureInfo.InvariantCulture);
    }

    /// <summary>All digits that it takes to read the same number back.</summary>
    public static string Full(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>A count or an index.</summary>
    public static string Of(int value) => value.ToString(CultureInfo.InvariantCulture);
}

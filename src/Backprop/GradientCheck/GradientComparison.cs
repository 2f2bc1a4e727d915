using System.Globalization;

namespace Backprop;

/// <summary>A gradient by hand and by finite differences.</summary>
public sealed class GradientComparison
{
    private readonly int _rows, _worst;
    private readonly double[] _byHand, _numeric;

    internal GradientComparison(string name, int rows, double[] byHand, double[] numeric, int worst, double share, bool passed) =>
        (Name, _rows, _byHand, _numeric, _worst, ShareOfAllowed, Passed) = (name, rows, byHand, numeric, worst, share, passed);

    /// <summary>With respect to what: <c>x</c>, <c>prediction</c>, or a parameter's name.</summary>
    public string Name { get; }

    /// <summary>Whether all entries agree.</summary>
    public bool Passed { get; }

    /// <summary>How many entries were compared.</summary>
    public int Count => _byHand.Length;

    /// <summary>The row of the entry that agrees least.</summary>
    public int Row => _worst % _rows;

    /// <summary>The column of the entry that agrees least; 0 in a vector.</summary>
    public int Column => _worst / _rows;

    /// <summary>The gradient by hand at that entry.</summary>
    public double ByHand => _byHand[_worst];

    /// <summary>The finite difference at that entry.</summary>
    public double FiniteDifference => _numeric[_worst];

    /// <summary>
    /// The difference there as a share of what is allowed: the tolerance times the larger of the two, and what rounding alone may have
    /// done to the finite difference. Above 1, they disagree.
    /// </summary>
    public double ShareOfAllowed { get; }

    /// <summary>How far the two are from each other there.</summary>
    public double AbsoluteDifference => Math.Abs(ByHand - FiniteDifference);

    /// <summary>The same relative to the larger of the two; 0 where both are 0.</summary>
    public double RelativeDifference => ByHand == FiniteDifference ? 0 : AbsoluteDifference / Math.Max(Math.Abs(ByHand), Math.Abs(FiniteDifference));

    /// <summary>The comparison in a sentence, with a guess at what is wrong.</summary>
    public override string ToString() => FormattableString.Invariant(Passed
        ? (FormattableString)$"dL/d{Name}: {Count} {(Count == 1 ? "entry agrees" : "entries agree")}; the worst, ({Row}, {Column}), is {ByHand:G10} by hand and {FiniteDifference:G10} by finite differences."
        : (FormattableString)$"dL/d{Name}: the entry ({Row}, {Column}) is {ByHand:G10} by hand, but {FiniteDifference:G10} by finite differences.{Guess()}");

    private string Guess()
    {
        if (_byHand.All(value => value == 0)) return " It is 0 everywhere: is it ever added to?";
        if (_byHand.Any(value => !double.IsFinite(value))) return " It is not finite everywhere.";
        var ratio = ByHand / FiniteDifference;
        bool Close(double a, double b) => Math.Abs(a - b) <= 1e-4 * Math.Max(Math.Abs(a), Math.Abs(b)) + 1e-9;
        if (Count > 1 && Enumerable.Range(0, Count).All(i => Close(_byHand[i], ratio * _numeric[i])))
            return string.Create(CultureInfo.InvariantCulture, $" Every entry is {ratio:G4} times what it should be{(Close(ratio, -1) ? ": a sign" : ": a factor")}.");
        if (_rows > 1 && _rows * _rows == Count && Enumerable.Range(0, Count).All(i => Close(_byHand[i], _numeric[i % _rows * _rows + i / _rows])))
            return " It is the transpose of what it should be.";
        return "";
    }
}

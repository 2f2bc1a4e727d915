using System.Globalization;

namespace Backprop;

/// <summary>A gradient by hand and what it is held against: finite differences, or a twin in double.</summary>
public sealed class GradientComparison
{
    private readonly int _rows, _worst;
    private readonly double[] _byHand, _expected;
    private readonly Bend _bend;
    private readonly bool _twin;

    internal GradientComparison(string name, int rows, double[] byHand, double[] expected, int worst, double share, bool passed, Bend bend = default, bool twin = false) =>
        (Name, _rows, _byHand, _expected, _worst, ShareOfAllowed, Passed, _bend, _twin) = (name, rows, byHand, expected, worst, share, passed, bend, twin);

    /// <summary>With respect to what: <c>x</c>, <c>prediction</c>, or a parameter's path; with a twin, also <c>y</c>, the output itself, or <c>L</c>, the loss.</summary>
    public string Name { get; }

    /// <summary>Whether all entries agree.</summary>
    public bool Passed { get; }

    /// <summary>How many entries were compared.</summary>
    public int Count => _byHand.Length;

    /// <summary>The row of the entry that agrees least; where some disagree away from kinks, of one of those.</summary>
    public int Row => _rows == 0 ? 0 : _worst % _rows;

    /// <summary>The column of the entry that agrees least; 0 in a vector.</summary>
    public int Column => _rows == 0 ? 0 : _worst / _rows;

    /// <summary>The gradient by hand at that entry.</summary>
    public double ByHand => Count == 0 ? 0 : _byHand[_worst];

    /// <summary>The finite difference at that entry, or the twin's gradient.</summary>
    public double Expected => Count == 0 ? 0 : _expected[_worst];

    /// <summary>
    /// The difference there as a share of what is allowed: the tolerance times the larger of the two, and what rounding alone may have
    /// done to the finite difference. Above 1, they disagree.
    /// </summary>
    public double ShareOfAllowed { get; }

    /// <summary>How far the two are from each other there.</summary>
    public double AbsoluteDifference => Math.Abs(ByHand - Expected);

    /// <summary>The same relative to the larger of the two; 0 where both are 0.</summary>
    public double RelativeDifference => ByHand == Expected ? 0 : AbsoluteDifference / Math.Max(Math.Abs(ByHand), Math.Abs(Expected));

    private string Quantity => Name is "y" or "L" && _twin ? Name : $"dL/d{Name}";

    private string By => _twin ? "by the twin" : "by finite differences";

    /// <summary>The comparison in a sentence, with a guess at what is wrong.</summary>
    public override string ToString() => FormattableString.Invariant(Count == 0 ? (FormattableString)$"{Quantity}: there are no entries."
        : Passed ? (FormattableString)$"{Quantity}: {Count} {(Count == 1 ? "entry agrees" : "entries agree")}; the worst, ({Row}, {Column}), is {ByHand:G10} by hand and {Expected:G10} {By}."
        : (FormattableString)$"{Quantity}: the entry ({Row}, {Column}) is {ByHand:G10} by hand, but {Expected:G10} {By}.{Guess()}");

    private string Guess()
    {
        if (_byHand.Any(value => !double.IsFinite(value))) return " It is not finite everywhere.";
        if (_bend.Kind == BendKind.Jump)
            return $" The {(Name == "x" ? "output" : "value")} jumps here, so there is no slope to compare.{(Name == "x" ? " Where x holds indices, or anything else that is not continuous, pass checkInput: false." : "")}";
        if (_bend.Kind == BendKind.Kink)
            return FormattableString.Invariant($" A kink may be here: the slope is {_bend.Below:G4} from below and {_bend.Above:G4} from above. Check somewhere else.");
        if (Name == "x" && !_twin && _expected.All(value => value == 0)) return " The output does not move with x at all: where x holds indices, or anything else that is not continuous, pass checkInput: false.";
        if (_byHand.All(value => value == 0)) return " It is 0 everywhere: is it ever added to?";
        var ratio = ByHand / Expected;
        bool Close(double a, double b) => Math.Abs(a - b) <= 1e-4 * Math.Max(Math.Abs(a), Math.Abs(b)) + 1e-9;
        if (Count > 1 && Enumerable.Range(0, Count).All(i => Close(_byHand[i], ratio * _expected[i])))
            return string.Create(CultureInfo.InvariantCulture, $" Every entry is {ratio:G4} times what it should be{(Close(ratio, -1) ? ": a sign" : ": a factor")}.");
        if (_rows > 1 && _rows * _rows == Count && Enumerable.Range(0, Count).All(i => Close(_byHand[i], _expected[i % _rows * _rows + i / _rows])))
            return " It is the transpose of what it should be.";
        return "";
    }
}

namespace Backprop.Tests.Simd;

/// <summary>The unevaluated sum of two doubles, about 106 significant bits. No fused operation, so every switch of the runtime gives the same.</summary>
internal readonly record struct DoubleDouble(double High, double Low = 0)
{
    public static readonly DoubleDouble Ln2 = new(0.6931471805599453, 2.3190468138462996e-17);
    public static readonly DoubleDouble TwoOverSqrtPi = new(1.1283791670955126, 1.533545961316588e-17);

    public static implicit operator DoubleDouble(double value) => new(value);

    public static DoubleDouble operator +(DoubleDouble a, DoubleDouble b)
    {
        var (s, e) = ExactSum(a.High, b.High);
        var (t, f) = ExactSum(a.Low, b.Low);
        (s, e) = Renormalized(s, e + t);
        return Renormalized(s, e + f);
    }

    public static DoubleDouble operator -(DoubleDouble a) => new(-a.High, -a.Low);

    public static DoubleDouble operator -(DoubleDouble a, DoubleDouble b) => a + -b;

    public static DoubleDouble operator *(DoubleDouble a, DoubleDouble b)
    {
        var (p, e) = ExactProduct(a.High, b.High);
        return Renormalized(p, e + (a.High * b.Low + a.Low * b.High));
    }

    public static DoubleDouble operator /(DoubleDouble a, DoubleDouble b)
    {
        double first = a.High / b.High;
        DoubleDouble rest = a - b * first;
        double second = rest.High / b.High;
        return Renormalized(first, second) + (rest - b * second).High / b.High;
    }

    public static DoubleDouble ExactSum(double a, double b)
    {
        double s = a + b, bRounded = s - a;
        return new(s, (a - (s - bRounded)) + (b - bRounded));
    }

    public static DoubleDouble ExactProduct(double a, double b)
    {
        var (aHigh, aLow) = Halves(a);
        var (bHigh, bLow) = Halves(b);
        double p = a * b;
        return new(p, ((aHigh * bHigh - p) + aHigh * bLow + aLow * bHigh) + aLow * bLow);
    }

    private static (double High, double Low) Halves(double a)
    {
        double c = 134217729 * a, high = c - (c - a);
        return (high, a - high);
    }

    private static DoubleDouble Renormalized(double high, double low)
    {
        double s = high + low;
        return new(s, low - (s - high));
    }
}

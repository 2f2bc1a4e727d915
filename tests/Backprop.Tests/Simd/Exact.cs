namespace Backprop.Tests.Simd;

/// <summary>
/// The elementary functions to about 30 digits, as <c>Value * 2^Exponent</c> so that results beyond the range of double can be told
/// apart. Straight series, slow and plain: what the library's functions are measured against.
/// </summary>
internal readonly record struct Exact(DoubleDouble Value, int Exponent = 0)
{
    public static implicit operator Exact(DoubleDouble value) => new(value);

    public static implicit operator Exact(double value) => new(value);

    private static readonly DoubleDouble[] InverseFactorials = InitialInverseFactorials();

    public static Exact Exp(double x) => Exp((DoubleDouble)double.Clamp(x, -2000, 2000));

    public static Exact Expm1(double x)
    {
        if (Math.Abs(x) < 1e-30) return x;
        if (x > 200) return Exp(x);
        if (x < -200) return -1;
        double n = Math.Round(x / DoubleDouble.Ln2.High);
        DoubleDouble power = Math.ScaleB(1, (int)n);
        return power * ExpFraction(x - DoubleDouble.Ln2 * n) + (power - 1);
    }

    public static Exact Sigmoid(double x)
    {
        Exact z = Exp(-Math.Abs(x));
        if (z.Exponent < -200) return x < 0 ? z : 1;
        DoubleDouble plain = z.Unscaled();
        return (x < 0 ? plain : 1) / (1 + plain);
    }

    public static Exact Tanh(double x)
    {
        if (Math.Abs(x) < 1e-30) return x;
        DoubleDouble e = Expm1(Math.Min(2 * Math.Abs(x), 100)).Value;
        DoubleDouble y = e / (e + 2);
        return x < 0 ? -y : y;
    }

    public static Exact Log(double x)
    {
        int k = NearestExponent(x);
        return LogOfSum((DoubleDouble)Math.ScaleB(x, -k) - 1) + DoubleDouble.Ln2 * k;
    }

    public static Exact Log1p(double x)
    {
        if (Math.Abs(x) < 1e-30) return x;
        if (Math.Abs(x) < 0.25) return LogOfSum(x);
        DoubleDouble u = DoubleDouble.ExactSum(1, x);
        int k = NearestExponent(u.High);
        return LogOfSum(new DoubleDouble(Math.ScaleB(u.High, -k), Math.ScaleB(u.Low, -k)) - 1) + DoubleDouble.Ln2 * k;
    }

    public static Exact Softplus(double x) => PlusMaximum(Log1pOfExpOfMinusAbs(x), Math.Max(x, 0));

    public static Exact LogSigmoid(double x)
    {
        Exact y = PlusMaximum(Log1pOfExpOfMinusAbs(x), Math.Max(-x, 0));
        return y with { Value = -y.Value };
    }

    public static Exact Erf(double x)
    {
        if (Math.Abs(x) < 1e-30) return new(DoubleDouble.TwoOverSqrtPi * Math.ScaleB(x, 600), -600);
        if (Math.Abs(x) > 7) return Math.Sign(x);
        // 2 / sqrt(pi) e^(-x^2) (x + 2 x^3 / 3 + 4 x^5 / (3 5) + ...): no term is negative, so nothing cancels.
        DoubleDouble square = DoubleDouble.ExactProduct(x, x), term = x, sum = x;
        for (int n = 1; Math.Abs(term.High) > 1e-34 * Math.Abs(sum.High); n++)
        {
            term = term * square * 2 / (2 * n + 1);
            sum += term;
        }

        return DoubleDouble.TwoOverSqrtPi * Exp(-square).Unscaled() * sum;
    }

    public static Exact Gaussian(double x)
    {
        x = Math.Min(Math.Abs(x), 60);
        DoubleDouble square = DoubleDouble.ExactProduct(x, x);
        return Exp(new DoubleDouble(square.High * -0.5, square.Low * -0.5));
    }

    /// <summary>How far the value computed is from this one, in units of this one's last place in a format of that precision and range.</summary>
    public double Ulps(double actual, int significantBits, int leastExponent, int greatestExponent)
    {
        if (double.IsNaN(actual)) return double.PositiveInfinity;
        // Infinity counts as the number after the greatest finite one, as rounding does.
        double infinity = Math.ScaleB(1, greatestExponent + 1 - Exponent);
        if (Math.Abs(Value.High) > infinity) return double.IsInfinity(actual) && Value.High > 0 == actual > 0 ? 0 : double.PositiveInfinity;
        double scaled = double.IsInfinity(actual) ? Math.CopySign(infinity, actual) : Math.ScaleB(actual, -Exponent);
        int lastPlace = Value.High == 0 ? int.MinValue : Math.ILogB(Value.High) + Exponent - significantBits + 1;
        double ulp = Math.ScaleB(1, Math.Max(lastPlace, leastExponent) - Exponent);
        return Math.Abs((scaled - Value.High - Value.Low) / ulp);
    }

    // k so that x / 2^k lies between sqrt(1/2) and sqrt(2)
    private static int NearestExponent(double x)
    {
        int k = Math.ILogB(x);
        return Math.ScaleB(x, -k) > Math.Sqrt(2) ? k + 1 : k;
    }

    private DoubleDouble Unscaled() => new(Math.ScaleB(Value.High, Exponent), Math.ScaleB(Value.Low, Exponent));

    private static Exact Exp(DoubleDouble x)
    {
        double n = Math.Round(x.High / DoubleDouble.Ln2.High);
        return new(1 + ExpFraction(x - DoubleDouble.Ln2 * n), (int)n);
    }

    // e^r - 1 for small r
    private static DoubleDouble ExpFraction(DoubleDouble r)
    {
        DoubleDouble sum = 0;
        for (int i = InverseFactorials.Length - 1; i >= 1; i--) sum = (sum + InverseFactorials[i]) * r;
        return sum;
    }

    // log(1 + f) = 2 atanh(f / (2 + f))
    private static DoubleDouble LogOfSum(DoubleDouble f)
    {
        DoubleDouble s = f / (2 + f), square = s * s, power = s, sum = s;
        for (int n = 3; Math.Abs(power.High) > 1e-34 * Math.Abs(sum.High); n += 2)
        {
            power *= square;
            sum += power / n;
        }

        return sum * 2;
    }

    private static Exact Log1pOfExpOfMinusAbs(double x)
    {
        Exact z = Exp(-Math.Abs(x));
        return z.Exponent < -200 ? z : LogOfSum(z.Unscaled());
    }

    private static Exact PlusMaximum(Exact small, double x) => x == 0 ? small : small.Unscaled() + x;

    private static DoubleDouble[] InitialInverseFactorials()
    {
        var result = new DoubleDouble[30];
        result[0] = 1;
        for (int i = 1; i < result.Length; i++) result[i] = result[i - 1] / i;
        return result;
    }
}

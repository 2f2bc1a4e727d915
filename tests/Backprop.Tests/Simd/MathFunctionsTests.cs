using System.Numerics;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Simd;

public abstract class MathFunctionsTests<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    public static TheoryData<string> Names => [.. Function<T>.All.Keys];

    private static readonly T Least = typeof(T) == typeof(float) ? T.CreateChecked(float.Epsilon) : T.CreateChecked(double.Epsilon);
    private static readonly T Greatest = typeof(T) == typeof(float) ? T.CreateChecked(float.MaxValue) : T.CreateChecked(double.MaxValue);

    [Theory, MemberData(nameof(Names))]
    public void Errors_stay_within_the_bound(string name) => ErrorsShouldStayWithinTheBound(name, [.. Samples(10_000).Where(x => InDomain(name, x))]);

    [Theory]
    [InlineData("Exp", -0.4, 0.4)]
    [InlineData("Expm1", 0.35, 0.41)]
    [InlineData("Sigmoid", -1.2, -1)]
    [InlineData("Sigmoid", -17.4, -16.4)] // where 1 + e^-x is rounded in float
    [InlineData("Sigmoid", -37.5, -36.4)] // and in double
    [InlineData("Softplus", -0.6, 0.6)]
    [InlineData("LogSigmoid", -0.6, 0.6)]
    [InlineData("Tanh", 0.53, 0.6)]
    [InlineData("Erf", 0.05, 0.25)]
    [InlineData("Gaussian", -5, 5)]
    [InlineData("Log", 0.7, 1.42)]
    [InlineData("Log1p", 0.4, 0.45)]
    public void Errors_stay_within_the_bound_where_they_are_greatest(string name, double from, double to)
    {
        var random = new Random(37);
        ErrorsShouldStayWithinTheBound(name, [.. Enumerable.Range(0, 3000).Select(_ => T.CreateTruncating(from + random.NextDouble() * (to - from)))]);
    }

    private static void ErrorsShouldStayWithinTheBound(string name, T[] x)
    {
        Function<T> f = Function<T>.All[name];
        var y = new T[x.Length];
        f.Map(x, y);
        double worst = 0;
        T worstX = x[0];
        for (int i = 0; i < x.Length; i++)
        {
            double ulps = f.Ulps(x[i], y[i]);
            if (!(ulps <= worst)) (worst, worstX) = (ulps, x[i]);
        }

        worst.Should().BeLessThanOrEqualTo(f.MaxUlps, "that is the bound, but at {0} the error is greater", worstX);
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_width_gives_the_same_bits(string name)
    {
        Function<T> f = Function<T>.All[name];
        T[] x = [.. Specials(), .. Samples(500)], y = new T[x.Length];
        f.Map(x, y);
        foreach (int bytes in new[] { 64, 32, 16, 0 }) ShouldHaveSameBits(f.Map(x, bytes), y, x);
    }

    [Theory, MemberData(nameof(Names))]
    public void Position_and_length_do_not_matter(string name)
    {
        Function<T> f = Function<T>.All[name];
        T[] x = [.. Samples(100)];
        T[] expected = f.Map(x, 0), y = new T[x.Length];
        for (int length = 0; length <= 70; length++)
        {
            int start = length * 7 % 31;
            y.AsSpan().Fill(T.NegativeZero);
            f.Map(x.AsSpan(start, length), y.AsSpan(start, length));
            ShouldHaveSameBits(y[start..(start + length)], expected[start..(start + length)], x);
            y.AsSpan(0, start).ContainsAnyExcept(T.NegativeZero).Should().BeFalse("nothing before the span may be written");
            y.AsSpan(start + length).ContainsAnyExcept(T.NegativeZero).Should().BeFalse("nothing after the span may be written");
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void The_result_may_overwrite_the_argument(string name)
    {
        Function<T> f = Function<T>.All[name];
        for (int length = 0; length <= 70; length++)
        {
            T[] x = [.. Samples(length)], y = [.. x];
            f.Map(y, y);
            ShouldHaveSameBits(y, f.Map(x, 0), x);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void NaN_gives_NaN(string name) => Value(name, T.NaN).Should().Be(T.NaN);

    [Theory]
    [InlineData("Exp", 1.0, 0.0, double.PositiveInfinity)]
    [InlineData("Expm1", 0.0, -1.0, double.PositiveInfinity)]
    [InlineData("Sigmoid", 0.5, 0.0, 1.0)]
    [InlineData("LogSigmoid", -0.6931471805599453, double.NegativeInfinity, 0.0)]
    [InlineData("Softplus", 0.6931471805599453, 0.0, double.PositiveInfinity)]
    [InlineData("Tanh", 0.0, -1.0, 1.0)]
    [InlineData("Erf", 0.0, -1.0, 1.0)]
    [InlineData("Gaussian", 1.0, 0.0, 0.0)]
    [InlineData("Log", double.NegativeInfinity, double.NaN, double.PositiveInfinity)]
    [InlineData("Log1p", 0.0, double.NaN, double.PositiveInfinity)]
    public void Zero_and_infinity_give_the_limits(string name, double atZero, double below, double above)
    {
        Value(name, T.Zero).Should().Be(T.CreateTruncating(atZero));
        Value(name, T.NegativeZero).Should().Be(T.CreateTruncating(atZero));
        Value(name, T.NegativeInfinity).Should().Be(T.CreateTruncating(below));
        Value(name, T.PositiveInfinity).Should().Be(T.CreateTruncating(above));
    }

    [Theory]
    [InlineData("Expm1", 1.0)]
    [InlineData("Tanh", 1.0)]
    [InlineData("Log1p", 1.0)]
    [InlineData("Erf", 1.1283791670955126)]
    public void Near_zero_the_sign_and_every_digit_are_kept(string name, double slope)
    {
        T.IsNegative(Value(name, T.NegativeZero)).Should().BeTrue();
        T.IsNegative(Value(name, T.Zero)).Should().BeFalse();
        for (T x = Least; x < T.CreateTruncating(1e-20); x *= T.CreateTruncating(1.7) + Least)
        {
            T expected = T.CreateTruncating(slope) * x;
            T tolerance = slope == 1 ? T.Zero : T.BitIncrement(expected) - expected;
            T.Abs(Value(name, x) - expected).Should().BeLessThanOrEqualTo(tolerance, "x is {0}", x);
            Value(name, -x).Should().Be(-Value(name, x));
            x += Least;
        }
    }

    [Fact]
    public void Exp_reaches_from_the_least_number_to_the_greatest_and_no_further()
    {
        (double least, double greatest) = typeof(T) == typeof(float) ? (-103.972076, 88.72283) : (-745.1332191019411, 709.782712893384);
        T lowest = T.CreateTruncating(least), highest = T.CreateTruncating(greatest);
        Value("Exp", lowest).Should().Be(Least);
        Value("Exp", T.BitDecrement(lowest)).Should().Be(T.Zero);
        Value("Exp", highest).Should().BeLessThanOrEqualTo(Greatest).And.BeGreaterThan(Greatest / T.CreateTruncating(1.001));
        Value("Exp", T.BitIncrement(highest)).Should().Be(T.PositiveInfinity);
        Value("Expm1", highest).Should().Be(Value("Exp", highest));
        Value("Expm1", T.BitIncrement(highest)).Should().Be(T.PositiveInfinity);
        Value("Sigmoid", lowest).Should().Be(Least);
        Value("Softplus", lowest).Should().Be(Least);
    }

    [Fact]
    public void Far_out_the_functions_reach_their_limits_exactly()
    {
        foreach (T x in new[] { T.CreateTruncating(90), T.CreateTruncating(1000), Greatest })
        {
            Value("Sigmoid", x).Should().Be(T.One);
            Value("Tanh", x).Should().Be(T.One);
            Value("Tanh", -x).Should().Be(-T.One);
            Value("Erf", x).Should().Be(T.One);
            Value("Erf", -x).Should().Be(-T.One);
            Value("Softplus", x).Should().Be(x);
            Value("LogSigmoid", -x).Should().Be(-x);
            Value("Expm1", -x).Should().Be(-T.One);
        }

        foreach (T x in new[] { T.CreateTruncating(-1000), -Greatest })
        {
            Value("Sigmoid", x).Should().Be(T.Zero);
            Value("Softplus", x).Should().Be(T.Zero);
            Value("Exp", x).Should().Be(T.Zero);
            Value("Exp", -x).Should().Be(T.PositiveInfinity);
            Value("Gaussian", x).Should().Be(T.Zero);
            Value("Log", x).Should().Be(T.NaN);
            Value("Log1p", x).Should().Be(T.NaN);
        }

        Value("Log1p", -T.One).Should().Be(T.NegativeInfinity);
        Value("Log", T.One).Should().Be(T.Zero);
    }

    private protected static T Value(string name, T x)
    {
        T[] y = [x];
        Function<T>.All[name].Map(y, y);
        return y[0];
    }

    private static bool InDomain(string name, T x) => name switch
    {
        "Log" => x > T.Zero,
        "Log1p" => x > -T.One,
        _ => true,
    };

    /// <summary>Numbers of both signs: a third from the range in which exp neither over- nor underflows, a third near 1, and a third of any exponent.</summary>
    private protected static IEnumerable<T> Samples(int count)
    {
        var random = new Random(20241);
        bool single = typeof(T) == typeof(float);
        for (int i = 0; i < count; i++)
        {
            double sign = random.Next(2) * 2 - 1, magnitude = random.NextDouble();
            yield return T.CreateTruncating(sign * (i % 3) switch
            {
                0 => magnitude * (single ? 110 : 760),
                1 => magnitude * 4,
                _ => Math.ScaleB(1 + magnitude, single ? random.Next(-149, 128) : random.Next(-1074, 1024)),
            });
        }
    }

    private static T[] Specials() =>
    [
        T.NaN, T.PositiveInfinity, T.NegativeInfinity, T.Zero, T.NegativeZero, T.One, -T.One, Least, -Least, Greatest, -Greatest,
        T.Epsilon, T.BitDecrement(T.One), T.BitIncrement(-T.One), T.CreateTruncating(0.55), T.BitDecrement(T.CreateTruncating(0.55)),
    ];

    private static void ShouldHaveSameBits(T[] actual, T[] expected, T[] x)
    {
        actual.Length.Should().Be(expected.Length);
        for (int i = 0; i < actual.Length; i++)
        {
            bool same = T.IsNaN(expected[i]) ? T.IsNaN(actual[i]) : actual[i] == expected[i] && T.IsNegative(actual[i]) == T.IsNegative(expected[i]);
            if (!same) actual[i].Should().Be(expected[i], "the argument is {0}", x[i]);
        }
    }
}

public class MathFunctionsDoubleTests : MathFunctionsTests<double>;

public class MathFunctionsSingleTests : MathFunctionsTests<float>
{
    // Good to a thousandth of a float's last place: a float has so few digits that 1 + x and x^2 are exact in double.
    private static readonly Dictionary<string, Func<double, double>> Doubles = new()
    {
        ["Exp"] = Math.Exp,
        ["Expm1"] = x => Math.Abs(x) < 1e-5 ? x + x * x / 2 + x * x * x / 6 : Math.Exp(x) - 1,
        ["Sigmoid"] = x => 1 / (1 + Math.Exp(-x)),
        ["LogSigmoid"] = x => Math.Min(x, 0) - Log1p(Math.Exp(-Math.Abs(x))),
        ["Softplus"] = x => Math.Max(x, 0) + Log1p(Math.Exp(-Math.Abs(x))),
        ["Tanh"] = Math.Tanh,
        ["Erf"] = Erf,
        ["Gaussian"] = x => Math.Exp(-x * x / 2),
        ["Log"] = Math.Log,
        ["Log1p"] = Log1p,
    };

    [Theory, MemberData(nameof(Names))]
    public void Errors_stay_within_the_bound_over_all_floats(string name) => WorstOver(name, stride: 1 << 12).Should().BeLessThanOrEqualTo(Function<float>.All[name].MaxUlps);

    private static double WorstOver(string name, uint stride)
    {
        Function<float> f = Function<float>.All[name];
        Func<double, double> reference = Doubles[name];
        var x = new float[4096];
        var y = new float[x.Length];
        double worst = 0;
        uint bits = 977;
        for (ulong done = 0; done < (1UL << 32) / stride; done += (ulong)x.Length)
        {
            for (int i = 0; i < x.Length; i++, bits += stride) x[i] = BitConverter.UInt32BitsToSingle(bits);
            f.Map(x, y);
            for (int i = 0; i < x.Length; i++)
            {
                double expected = reference(x[i]);
                if (double.IsNaN(expected) || Math.Abs(expected) > float.MaxValue) ((double)y[i]).Should().Be(double.IsNaN(expected) ? double.NaN : (float)expected);
                else worst = Math.Max(worst, Math.Abs(y[i] - expected) / Math.ScaleB(1, Math.Max(expected == 0 ? -149 : Math.ILogB(expected) - 23, -149)));
            }
        }

        return worst;
    }

    private static double Log1p(double x)
    {
        double u = 1 + x;
        return u == 1 || double.IsInfinity(u) ? x : Math.Log(u) * (x / (u - 1));
    }

    private static double Erf(double x)
    {
        if (Math.Abs(x) > 6) return Math.Sign(x);
        double term = x, sum = x;
        for (int n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum); n++)
        {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }

        return double.IsNaN(x) ? x : 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}

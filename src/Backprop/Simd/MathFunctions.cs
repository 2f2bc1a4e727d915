using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop.Simd;

/// <summary>Elementary functions of vectors: one source for every width, for float and for double.</summary>
/// <remarks>
/// <para>
/// No branches, no tables: each lane goes through the same IEEE operations at every width, so a number gives the same bits wherever it
/// lies, and on any processor that fuses multiply-add; without that, the last bit may differ.
/// </para>
/// <para>
/// All functions take all numbers: NaN gives NaN, infinities give the limits, subnormal numbers come in and go out as such, odd
/// functions keep the sign of zero. The error of each is the greatest found, for float / double, in units of the last place of the exact
/// result: over every 64th float, and some million doubles of all sizes, with fused multiply-add and without.
/// </para>
/// </remarks>
internal static partial class MathFunctions<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>e^x. Error: 0.90 / 0.92 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        // Beyond these the result is 0 or infinity. 2^n itself can lie outside the range, so it is applied in two halves.
        x = V.AtMost(Constant<V>(89, 710), V.AtLeast(Constant<V>(-104, -746), x));
        V q = Reduce(x, Constant<V>(2 * 127, 2 * 1023), out V n);
        V half = V.ShiftBitsRight(n, 1, 1);
        return (1 + q) * PowerOfTwo(half) * PowerOfTwo(V.SubtractBits(n, half));
    }

    /// <summary>e^x - 1, to its last digits also near zero. Error: 1.74 / 1.74 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Expm1<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        V y = V.AtMost(Constant<V>(89, 710), V.AtLeast(Constant<V>(-20, -40), x));
        V q = Reduce(y, Constant<V>(127, 1023), out V n);
        V power = PowerOfTwo(n);
        V result = V.MultiplyAdd(power, q, power - 1);
        // 2^n overflows one step before e^x does.
        V halfPower = PowerOfTwo(V.SubtractBits(n, V.FromBits(1, 1)));
        result = V.Select(x > Constant<V>(88, 709), (1 + q) * halfPower * 2, result);
        return WithSignOf(x, result);
    }

    /// <summary>1 / (1 + e^-x). Error: 1.63 / 1.66 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        // Numerator and denominator carry the factor 2^-64 (double: 2^-128), so that e^-x does not overflow where the result is subnormal.
        V one = Constant<V>(TwoToMinus64, TwoToMinus128);
        V y = V.AtMost(Constant<V>(104, 746), V.AtLeast(Constant<V>(-20, -40), -x));
        V q = Reduce(y, Constant<V>(127 - 64, 1023 - 128), out V n);
        V power = PowerOfTwo(n);
        // Near x = -17 (double: -37) the sum of the two is rounded, and what is lost counts.
        V sum = one + power, lost = one - (sum - power);
        return one / (sum + V.MultiplyAdd(power, q, lost));
    }

    /// <summary>log(1 / (1 + e^-x)) = min(x, 0) - log(1 + e^-|x|). Error: 1.87 / 1.76 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V LogSigmoid<V>(V x) where V : unmanaged, ISimd<V, T> => V.AtMost(V.Zero, x) - Log1pOfExpOfMinusAbs(x);

    /// <summary>log(1 + e^x) = max(x, 0) + log(1 + e^-|x|). Error: 1.87 / 1.76 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Softplus<V>(V x) where V : unmanaged, ISimd<V, T> => V.AtLeast(V.Zero, x) + Log1pOfExpOfMinusAbs(x);

    /// <summary>log(1 + e^-|x|), the part of <see cref="Softplus"/> and <see cref="LogSigmoid"/> that is not linear. Error: 1.87 / 1.76 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log1pOfExpOfMinusAbs<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        V y = V.AtLeast(Constant<V>(-104, -746), x | SignBit<V>());
        V q = Reduce(y, Constant<V>(127 + 64, 1023 + 128), out V n);
        V f = (1 + q) * PowerOfTwo(n) * Constant<V>(TwoToMinus64, TwoToMinus128);
        V s = f / (2 + f), z = s * s, halfSquare = f * f * 0.5;
        return f - (halfSquare - s * V.MultiplyAdd(z, Log1pPolynomial(z), halfSquare));
    }

    /// <summary>(e^x - e^-x) / (e^x + e^-x). Error: 1.29 / 1.31 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        // x + x^3 P(x^2) near zero, else 1 - 2 / (e^2x + 1).
        V a = V.AtMost(Constant<V>(10, 20), V.Abs(x)), z = a * a;
        V near = V.MultiplyAdd(a * z, TanhPolynomial(z), a);
        V q = Reduce(a + a, Constant<V>(127, 1023), out V n);
        V power = PowerOfTwo(n);
        V far = 1 - 2 / V.MultiplyAdd(power, q, 1 + power);
        return WithSignOf(x, V.Select(a < 0.55, near, far));
    }

    /// <summary>2 / sqrt(pi) times the integral of e^-t^2 from 0 to x. Error: 2.35 / 2.31 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Erf<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        // 1 - e^(-x R(x)): one polynomial for the whole line, because errors of R fade as the exponential does.
        V a = V.AtMost(Constant<V>(4, 6), V.Abs(x));
        V q = Reduce(-(a * ErfPolynomial(a)), Constant<V>(127, 1023), out V n);
        V power = PowerOfTwo(n);
        return WithSignOf(x, V.Abs(V.MultiplyAdd(power, q, power - 1)));
    }

    /// <summary>e^(-x^2 / 2), as good for great x as for small: the rounding of x^2 is made up for. Error: 0.91 / 0.90 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gaussian<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        // x = high + low, where high^2 is exact.
        V a = V.AtMost(Constant<V>(14.5, 38.7), V.Abs(x));
        V high = a & V.FromBits(0xFFFFF000, 0xFFFFFFFFF8000000);
        V lowPart = (a - high) * (a + high) * -0.5, highPart = high * high * -0.5;
        V q = Reduce(highPart + lowPart, highPart, lowPart, Constant<V>(127 + 64, 1023 + 128), out V n);
        return (1 + q) * PowerOfTwo(n) * Constant<V>(TwoToMinus64, TwoToMinus128);
    }

    /// <summary>The natural logarithm; NaN below zero. Error: 0.82 / 0.80 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        V subnormal = x < V.FromBits(0x00800000, 0x0010000000000000);
        V normal = V.Select(subnormal, x * Constant<V>(1 << 25, 1L << 54), x);
        V m = Split(normal, out V k, out _);
        return WithLimits(x, LogOf(m - 1, k - (subnormal & Constant<V>(25, 54))));
    }

    /// <summary>log(1 + x), to its last digits also near zero; NaN below -1. Error: 1.38 / 1.36 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log1p<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        // 1 + x = sum + rest exactly. Against a great sum the rest counts for nothing, and its scaling would overflow.
        V sum = 1 + x, rounded = sum - 1;
        V rest = (1 - (sum - rounded)) + (x - rounded);
        V m = Split(sum, out V k, out V scale);
        V f = (m - 1) + ((rest * scale) & (x < 1e30));
        return WithSignOf(x, WithLimits(sum, LogOf(f, k)));
    }

    private const double TwoToMinus64 = 5.421010862427522E-20, TwoToMinus128 = 2.938735877055719E-39;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Constant<V>(double single, double @double) where V : unmanaged, ISimd<V, T> =>
        typeof(T) == typeof(float) ? single : @double;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V SignBit<V>() where V : unmanaged, ISimd<V, T> => -0.0;

    // For results that are not negative, or have x's sign already unless they are zero.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V WithSignOf<V>(V x, V result) where V : unmanaged, ISimd<V, T> => result | (x & SignBit<V>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Reduce<V>(V x, V bias, out V n) where V : unmanaged, ISimd<V, T> => Reduce(x, x, V.Zero, bias, out n);

    /// <summary>q of e^(high + low) = 2^n (1 + q), where |q| &lt; 0.42; n comes out with the bias added, as the lowest bits of a great number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Reduce<V>(V x, V high, V low, V bias, out V n) where V : unmanaged, ISimd<V, T>
    {
        // Added to 1.5 * 2^23 (double: 2^52), a number is rounded to an integer. The product of n and ln 2's first part is exact, fused or not.
        V shift = Constant<V>(12582912, 6755399441055744) + bias;
        n = V.MultiplyAdd(x, 1.4426950408889634, shift);
        V whole = n - shift;
        V r = V.MultiplyAdd(whole, Constant<V>(-Ln2HighSingle, -Ln2HighDouble), high);
        V rest = V.MultiplyAdd(whole, Constant<V>(-Ln2LowSingle, -Ln2LowDouble), low);
        V sum = r + rest;
        return r + V.MultiplyAdd(sum * sum, ExpPolynomial(sum), rest);
    }

    private const double Ln2HighSingle = 0.693145751953125, Ln2LowSingle = 1.4286068203094173e-06;
    private const double Ln2HighDouble = 0.693147180559663, Ln2LowDouble = 2.8235290563031577e-13;

    /// <summary>2^n, given n and the exponent's bias in the lowest bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V PowerOfTwo<V>(V n) where V : unmanaged, ISimd<V, T> => V.ShiftBitsLeft(n, 23, 52);

    /// <summary>m of x = 2^k m, between sqrt(1/2) and sqrt(2), for a normal x above zero; and 2^-k.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Split<V>(V x, out V k, out V scale) where V : unmanaged, ISimd<V, T>
    {
        V one = 1;
        V offset = V.SubtractBits(x, V.FromBits(0x3F3504F3, 0x3FE6A09E667F3BCD)); // sqrt(1/2)
        V exponent = offset & V.FromBits(0xFF800000, 0xFFF0000000000000);
        V biased = V.ShiftBitsRight(V.AddBits(offset, one), 23, 52);
        // An integer under the bits of 2^23 (double: 2^52) is their sum.
        k = (biased | Constant<V>(1 << 23, 1L << 52)) - Constant<V>((1 << 23) + 127, (1L << 52) + 1023);
        scale = V.SubtractBits(one, exponent);
        return V.SubtractBits(x, exponent);
    }

    /// <summary>log(2^k (1 + f))</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V LogOf<V>(V f, V k) where V : unmanaged, ISimd<V, T>
    {
        // With s = f / (2 + f): log(1 + f) = f - (f^2/2 - s (f^2/2 + z R(z))), so that f, the greatest part, is not rounded.
        V s = f / (2 + f), z = s * s, halfSquare = f * f * 0.5;
        V low = V.MultiplyAdd(s, V.MultiplyAdd(z, LogPolynomial(z), halfSquare), k * Constant<V>(Ln2LowSingle, Ln2LowDouble));
        return V.MultiplyAdd(k, Constant<V>(Ln2HighSingle, Ln2HighDouble), f - (halfSquare - low));
    }

    /// <summary>The logarithm of x where that is no ordinary number, else the result.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V WithLimits<V>(V x, V result) where V : unmanaged, ISimd<V, T>
    {
        result = V.Select(x < double.PositiveInfinity, result, x);
        return V.Select(x > V.Zero, result, V.Select(V.Equal(x, V.Zero), double.NegativeInfinity, double.NaN));
    }
}

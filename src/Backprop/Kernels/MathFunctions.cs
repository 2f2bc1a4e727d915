using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop.Kernels;

/// <summary>Elementary functions of vectors, one source for every width and for float and double.</summary>
internal static class MathFunctions<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    // ln 2 = Ln2High + Ln2Low, where the product of Ln2High and an exponent is exact, fused or not.
    private const double Ln2HighSingle = 0.693145751953125, Ln2LowSingle = 1.4286068203094173e-06;
    private const double Ln2HighDouble = 0.693147180559663, Ln2LowDouble = 2.8235290563031577e-13;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        x = V.AtMost(Constant<V>(89, 710), V.AtLeast(Constant<V>(-104, -746), x));
        V q = Fraction(Reduce(x, Constant<V>(254, 2046), out V n));
        V half = V.ShiftBitsRight(n, 1, 1);
        return (1 + q) * PowerOfTwo(half) * PowerOfTwo(V.SubtractBits(n, half));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        V z = ExpOfMinusAbs(x);
        return V.Select(x < V.Zero, z, 1) / (1 + z);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Expm1<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        V y = V.AtMost(Constant<V>(89, 710), V.AtLeast(Constant<V>(-20, -40), x));
        V q = Fraction(Reduce(y, Constant<V>(127, 1023), out V n));
        V power = PowerOfTwo(n);
        V result = V.MultiplyAdd(power, q, power - 1);
        V huge = (1 + q) * PowerOfTwo(V.SubtractBits(n, V.FromBits(1, 1))) * 2;
        result = V.Select(x > Constant<V>(88, 709), huge, result);
        return result | (x & -0.0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        V y = V.AtMost(Constant<V>(20, 40), V.Abs(x) * 2);
        V e = Expm1Between(y);
        return (e / (e + 2)) | (x & -0.0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Erf<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        V a = V.AtMost(Constant<V>(4, 6), V.Abs(x));
        V e = Expm1Between(-(a * ErfcExponent(a)));
        return V.Abs(e) | (x & -0.0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V ExpOfMinusHalfSquare<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        V a = V.AtMost(Constant<V>(14.5, 38.7), V.Abs(x));
        V high = a & V.FromBits(0xFFFFF000, 0xFFFFFFFFF8000000);
        V low = (a - high) * (a + high) * -0.5;
        high = high * high * -0.5;
        V r = Reduce(high + low, high, Constant<V>(127 + 64, 1023 + 128), out V n) + low;
        return (1 + Fraction(r)) * PowerOfTwo(n) * Constant<V>(5.421010862427522E-20, 2.938735877055719E-39);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        V subnormal = x < V.FromBits(0x00800000, 0x0010000000000000);
        V m = Split(V.Select(subnormal, x * V.FromBits(0x4C000000, 0x4350000000000000), x), out V k, out _);
        V result = LogOf(m - 1, k - (subnormal & Constant<V>(25, 54)));
        result = V.Select(x < double.PositiveInfinity, result, x);
        return V.Select(x > V.Zero, result, V.Select(V.Equal(x, V.Zero), double.NegativeInfinity, double.NaN));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log1p<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        V u = 1 + x;
        V xRounded = u - 1;
        V rest = (1 - (u - xRounded)) + (x - xRounded);
        V m = Split(u, out V k, out V scale);
        rest = (rest * scale) & (x < Constant<V>(1e30, 1e30));
        V result = LogOf((m - 1) + rest, k);
        result = V.Select(x < double.PositiveInfinity, result, x);
        result = V.Select(x > -1, result, V.Select(V.Equal(x, -1), double.NegativeInfinity, double.NaN));
        return result | (x & -0.0);
    }

    /// log(1 + exp(-|x|))
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log1pOfExpOfMinusAbs<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        V z = ExpOfMinusAbs(x);
        V s = z / (2 + z);
        V s2 = s * s;
        V p;
        if (typeof(T) == typeof(float))
        {
            p = 0.21792394;
            p = V.MultiplyAdd(p, s2, 0.1714785);
            p = V.MultiplyAdd(p, s2, 0.22301501);
            p = V.MultiplyAdd(p, s2, 0.28568396);
            p = V.MultiplyAdd(p, s2, 0.40000054);
            p = V.MultiplyAdd(p, s2, 0.6666667);
        }
        else
        {
            V s4 = s2 * s2;
            V even = 0.08340114802291036;
            even = V.MultiplyAdd(even, s4, 0.1330097397823882);
            even = V.MultiplyAdd(even, s4, 0.18181743926377084);
            even = V.MultiplyAdd(even, s4, 0.2857142854785464);
            even = V.MultiplyAdd(even, s4, 0.6666666666666631);
            V odd = 0.1701855091498125;
            odd = V.MultiplyAdd(odd, s4, 0.12106083182709593);
            odd = V.MultiplyAdd(odd, s4, 0.15386559892813176);
            odd = V.MultiplyAdd(odd, s4, 0.22222223969688143);
            odd = V.MultiplyAdd(odd, s4, 0.4000000000015724);
            p = V.MultiplyAdd(odd, s2, even);
        }

        V halfSquare = z * z * 0.5;
        return z - (halfSquare - s * V.MultiplyAdd(s2, p, halfSquare));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Softplus<V>(V x) where V : unmanaged, ISimd<V, T> => V.AtLeast(V.Zero, x) + Log1pOfExpOfMinusAbs(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V LogSigmoid<V>(V x) where V : unmanaged, ISimd<V, T> => V.AtMost(V.Zero, x) - Log1pOfExpOfMinusAbs(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Constant<V>(double single, double @double) where V : unmanaged, ISimd<V, T> =>
        typeof(T) == typeof(float) ? single : @double;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Reduce<V>(V near, V x, V bias, out V n) where V : unmanaged, ISimd<V, T>
    {
        V shift = Constant<V>(12582912, 6755399441055744) + bias;
        n = V.MultiplyAdd(near, 1.4426950408889634, shift);
        V whole = n - shift;
        V r = V.MultiplyAdd(whole, Constant<V>(-Ln2HighSingle, -Ln2HighDouble), x);
        return V.MultiplyAdd(whole, Constant<V>(-Ln2LowSingle, -Ln2LowDouble), r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Reduce<V>(V x, V bias, out V n) where V : unmanaged, ISimd<V, T> => Reduce(x, x, bias, out n);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V PowerOfTwo<V>(V n) where V : unmanaged, ISimd<V, T> => V.ShiftBitsLeft(n, 23, 52);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Fraction<V>(V r) where V : unmanaged, ISimd<V, T>
    {
        V r2 = r * r, even, odd;
        if (typeof(T) == typeof(float))
        {
            even = 0.001381404;
            even = V.MultiplyAdd(even, r2, 0.041668415);
            even = V.MultiplyAdd(even, r2, 0.49999994);
            odd = 0.008368986;
            odd = V.MultiplyAdd(odd, r2, 0.16666518);
        }
        else
        {
            even = 2.7630800161543976e-07;
            even = V.MultiplyAdd(even, r2, 2.480149167078984e-05);
            even = V.MultiplyAdd(even, r2, 0.0013888888944876615);
            even = V.MultiplyAdd(even, r2, 0.04166666666652601);
            even = V.MultiplyAdd(even, r2, 0.5000000000000011);
            odd = 2.4999653303707595e-08;
            odd = V.MultiplyAdd(odd, r2, 2.755759049235026e-06);
            odd = V.MultiplyAdd(odd, r2, 0.00019841269498841322);
            odd = V.MultiplyAdd(odd, r2, 0.008333333333499438);
            odd = V.MultiplyAdd(odd, r2, 0.16666666666666402);
        }

        return V.MultiplyAdd(r2, V.MultiplyAdd(odd, r, even), r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ExpOfMinusAbs<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        x = V.AtLeast(Constant<V>(-104, -746), x | -0.0);
        V q = Fraction(Reduce(x, Constant<V>(127 + 64, 1023 + 128), out V n));
        return (1 + q) * PowerOfTwo(n) * Constant<V>(5.421010862427522E-20, 2.938735877055719E-39);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Expm1Between<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        V q = Fraction(Reduce(x, Constant<V>(127, 1023), out V n));
        V power = PowerOfTwo(n);
        return V.MultiplyAdd(power, q, power - 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Split<V>(V x, out V k, out V scale) where V : unmanaged, ISimd<V, T>
    {
        V one = 1;
        V offset = V.SubtractBits(x, V.FromBits(0x3F3504F3, 0x3FE6A09E667F3BCD));
        V exponent = offset & V.FromBits(0xFF800000, 0xFFF0000000000000);
        k = (V.ShiftBitsRight(V.AddBits(offset, one), 23, 52) | Constant<V>(8388608, 4503599627370496)) - Constant<V>(8388608 + 127, 4503599627370496 + 1023);
        scale = V.SubtractBits(one, exponent);
        return V.SubtractBits(x, exponent);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V LogOf<V>(V f, V k) where V : unmanaged, ISimd<V, T>
    {
        V s = f / (2 + f);
        V s2 = s * s;
        V p;
        if (typeof(T) == typeof(float))
        {
            p = 0.23587686;
            p = V.MultiplyAdd(p, s2, 0.28537035);
            p = V.MultiplyAdd(p, s2, 0.4000034);
            p = V.MultiplyAdd(p, s2, 0.6666666);
        }
        else
        {
            V s4 = s2 * s2;
            V even = 0.148020348137634;
            even = V.MultiplyAdd(even, s4, 0.18183585533449678);
            even = V.MultiplyAdd(even, s4, 0.28571428745826344);
            even = V.MultiplyAdd(even, s4, 0.6666666666666736);
            V odd = 0.1531347436988513;
            odd = V.MultiplyAdd(odd, s4, 0.22222198191837678);
            odd = V.MultiplyAdd(odd, s4, 0.3999999999940056);
            p = V.MultiplyAdd(odd, s2, even);
        }

        V halfSquare = f * f * 0.5;
        V low = V.MultiplyAdd(s, V.MultiplyAdd(s2, p, halfSquare), k * Constant<V>(Ln2LowSingle, Ln2LowDouble));
        return V.MultiplyAdd(k, Constant<V>(Ln2HighSingle, Ln2HighDouble), f - (halfSquare - low));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ErfcExponent<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        V x2 = x * x, even, odd;
        if (typeof(T) == typeof(float))
        {
            even = -9.2560485e-06;
            even = V.MultiplyAdd(even, x2, -0.0006328311);
            even = V.MultiplyAdd(even, x2, -0.00016038814);
            even = V.MultiplyAdd(even, x2, 0.10277783);
            odd = 0.000117639494;
            odd = V.MultiplyAdd(odd, x2, 0.0016670183);
            odd = V.MultiplyAdd(odd, x2, -0.019153068);
            odd = V.MultiplyAdd(odd, x2, 0.6366194);
        }
        else
        {
            even = 7.832957658016349e-16;
            even = V.MultiplyAdd(even, x2, 8.844422738781983e-13);
            even = V.MultiplyAdd(even, x2, 1.248279441346866e-10);
            even = V.MultiplyAdd(even, x2, 4.99729357084553e-09);
            even = V.MultiplyAdd(even, x2, 6.572886020743134e-08);
            even = V.MultiplyAdd(even, x2, 1.371612416283786e-07);
            even = V.MultiplyAdd(even, x2, -1.7415872065905155e-06);
            even = V.MultiplyAdd(even, x2, 3.4072339226031664e-06);
            even = V.MultiplyAdd(even, x2, 6.449185134885162e-05);
            even = V.MultiplyAdd(even, x2, -0.0005901255538137291);
            even = V.MultiplyAdd(even, x2, -0.0002091946948653632);
            even = V.MultiplyAdd(even, x2, 0.10277260330178865);
            odd = -3.849973964196353e-14;
            odd = V.MultiplyAdd(odd, x2, -1.2609522080516968e-11);
            odd = V.MultiplyAdd(odd, x2, -9.081385982280606e-10);
            odd = V.MultiplyAdd(odd, x2, -2.0961098071584504e-08);
            odd = V.MultiplyAdd(odd, x2, -1.4175097780640084e-07);
            odd = V.MultiplyAdd(odd, x2, 3.3639668164717796e-07);
            odd = V.MultiplyAdd(odd, x2, 2.835179895228863e-06);
            odd = V.MultiplyAdd(odd, x2, -2.9724026425058165e-05);
            odd = V.MultiplyAdd(odd, x2, 2.587860772812424e-05);
            odd = V.MultiplyAdd(odd, x2, 0.001696206385919983);
            odd = V.MultiplyAdd(odd, x2, -0.01912844700506838);
            odd = V.MultiplyAdd(odd, x2, 0.6366197723675836);
        }

        V small = V.MultiplyAdd(even, x2, Constant<V>(-5.8635383e-08, 1.533545961316588e-17));
        return V.MultiplyAdd(odd, x, small) + Constant<V>(1.128379225730896, 1.1283791670955126);
    }
}

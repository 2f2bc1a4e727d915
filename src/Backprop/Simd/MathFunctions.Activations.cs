using System.Runtime.CompilerServices;

namespace Backprop.Simd;

internal static partial class MathFunctions<T>
{
    /// <summary>s = 1 / (1 + e^-x) and its derivative s (1 - s), which keeps its digits also where s is near 1: both from e^-|x|.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid<V>(V x, out V slope) where V : unmanaged, ISimd<V, T>
    {
        V e = Exp(-V.Abs(x)), r = 1 / (1 + e);
        slope = e * r * r;
        return V.Select(x < V.Zero, e * r, r);
    }

    /// <summary>x - tanh(x), to its last digits also near zero, where the difference would lose all of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanhshrink<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        // -x^3 P(x^2) near zero, where tanh(x) = x + x^3 P(x^2); else x - 1 + 2 / (e^2x + 1).
        V size = V.Abs(x), a = V.AtMost(Constant<V>(10, 20), size), z = a * a;
        V near = -(a * z * TanhPolynomial(z));
        V q = Reduce(a + a, Constant<V>(127, 1023), out V n);
        V power = PowerOfTwo(n);
        V far = size - 1 + 2 / V.MultiplyAdd(power, q, 1 + power);
        return WithSignOf(x, V.Select(size < 0.55, near, far));
    }

    /// <summary>
    /// The chance that a normal number (mean 0, variance 1) is below x, (1 + erf(x / sqrt(2))) / 2, and its derivative, the density
    /// e^(-x^2 / 2) / sqrt(2 pi). The chance keeps its digits for negative x, too, where that formula would lose them.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V NormalDistribution<V>(V x, out V density) where V : unmanaged, ISimd<V, T>
    {
        V gaussian = Gaussian(x), a = V.AtMost(Constant<V>(14.5, 38.7), V.Abs(x));
        V tail = gaussian * (TailPolynomial((a - 4) / (a + 4)) / (1 + a));
        density = gaussian * 0.3989422804014327;
        return V.Select(x < V.Zero, tail, 1 - tail);
    }

    /// <summary>
    /// R of P(-x) = e^(-x^2 / 2) R(t) / (1 + x), t = (x - 4) / (x + 4), for x from 0 to 14.5 (float) or 38.7 (double): t makes the
    /// half-line an interval. Relative error 2^-24.9 in float, 2^-53.9 in double.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V TailPolynomial<V>(V t) where V : unmanaged, ISimd<V, T>
    {
        if (typeof(T) != typeof(float)) return TailPolynomialInDouble(t);
        V square = t * t, even, odd;
        even = 0.0007364361;
        even = V.MultiplyAdd(even, square, -0.0050584134);
        even = V.MultiplyAdd(even, square, -0.032183584);
        even = V.MultiplyAdd(even, square, 0.013998551);
        even = V.MultiplyAdd(even, square, 0.47205323);
        odd = 9.5902295e-05;
        odd = V.MultiplyAdd(odd, square, -0.00040709376);
        odd = V.MultiplyAdd(odd, square, 0.01796271);
        odd = V.MultiplyAdd(odd, square, 0.028598096);
        odd = V.MultiplyAdd(odd, square, -0.09670342);
        return V.MultiplyAdd(odd, t, even);
    }

    // As a loop: written out, with all that is around it, it exceeds what the compiler inlines, and falls apart into a call for each operation.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V TailPolynomialInDouble<V>(V t) where V : unmanaged, ISimd<V, T>
    {
        V square = t * t, even = Tail[0], odd = Tail[1];
        for (int i = 2; i < Tail.Length; i = unchecked(i + 2)) (even, odd) = (V.MultiplyAdd(even, square, Tail[i]), V.MultiplyAdd(odd, square, Tail[unchecked(i + 1)]));
        return V.MultiplyAdd(odd, t, even);
    }

    // Even and odd coefficients, the highest first.
    private static ReadOnlySpan<double> Tail =>
    [
        2.0953130718661594e-10, 0,
        1.1326179485613672e-08, 4.37553879844616e-09,
        -1.0113036982738674e-07, -1.8969251819852907e-08,
        5.432654239934987e-07, 2.920547564714558e-09,
        -2.608091786803101e-06, 4.0201410077283983e-07,
        1.3625155551648257e-05, -3.4305185838645087e-06,
        -8.785278909970829e-05, 2.124940749726229e-05,
        0.0006948970473444862, -9.44301079011074e-05,
        -0.005002378586134788, -0.0002856231173874864,
        -0.0321978374283057, 0.017936097481067868,
        0.013999634724429335, 0.0286003640535055,
        0.47205320650984467, -0.09670347732652537,
    ];
}

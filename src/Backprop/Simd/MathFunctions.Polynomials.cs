using System.Runtime.CompilerServices;

namespace Backprop.Simd;

// The polynomials: minimax, by weighted Remez exchange in 200-bit arithmetic (tests/Backprop.Tests/Simd/minimax.py), with the least
// greatest error of the function they serve, each coefficient then rounded to the type. Long ones are evaluated as two interleaved
// halves, even and odd, which can run side by side.
internal static partial class MathFunctions<T>
{
    /// <summary>P of e^r = 1 + r + r^2 P(r) for |r| &lt;= ln(2) / 2. Relative error 2^-27.72 in float, 2^-57.4 in double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ExpPolynomial<V>(V r) where V : unmanaged, ISimd<V, T>
    {
        V square = r * r, even, odd;
        if (typeof(T) == typeof(float))
        {
            even = 0.001381404;
            even = V.MultiplyAdd(even, square, 0.041668415);
            even = V.MultiplyAdd(even, square, 0.49999994);
            odd = 0.008368986;
            odd = V.MultiplyAdd(odd, square, 0.16666518);
        }
        else
        {
            even = 2.7630800161543976e-07;
            even = V.MultiplyAdd(even, square, 2.480149167078984e-05);
            even = V.MultiplyAdd(even, square, 0.0013888888944876615);
            even = V.MultiplyAdd(even, square, 0.04166666666652601);
            even = V.MultiplyAdd(even, square, 0.5000000000000011);
            odd = 2.4999653303707595e-08;
            odd = V.MultiplyAdd(odd, square, 2.755759049235026e-06);
            odd = V.MultiplyAdd(odd, square, 0.00019841269498841322);
            odd = V.MultiplyAdd(odd, square, 0.008333333333499438);
            odd = V.MultiplyAdd(odd, square, 0.16666666666666402);
        }

        return V.MultiplyAdd(odd, r, even);
    }

    /// <summary>R of log(1 + f) = 2 s + s z R(z), where s = f / (2 + f) and z = s^2, for f from sqrt(1/2) - 1 to sqrt(2) - 1. Relative error 2^-31.1 in float, 2^-59.33 in double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V LogPolynomial<V>(V z) where V : unmanaged, ISimd<V, T>
    {
        V square = z * z, even, odd;
        if (typeof(T) == typeof(float))
        {
            even = 0.28537035;
            even = V.MultiplyAdd(even, square, 0.6666666);
            odd = 0.23587686;
            odd = V.MultiplyAdd(odd, square, 0.4000034);
        }
        else
        {
            even = 0.148020348137634;
            even = V.MultiplyAdd(even, square, 0.18183585533449678);
            even = V.MultiplyAdd(even, square, 0.28571428745826344);
            even = V.MultiplyAdd(even, square, 0.6666666666666736);
            odd = 0.1531347436988513;
            odd = V.MultiplyAdd(odd, square, 0.22222198191837678);
            odd = V.MultiplyAdd(odd, square, 0.3999999999940056);
        }

        return V.MultiplyAdd(odd, z, even);
    }

    /// <summary>The same R for f from 0 to 1. Relative error 2^-29.47 in float, 2^-57.98 in double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Log1pPolynomial<V>(V z) where V : unmanaged, ISimd<V, T>
    {
        V square = z * z, even, odd;
        if (typeof(T) == typeof(float))
        {
            even = 0.1714785;
            even = V.MultiplyAdd(even, square, 0.28568396);
            even = V.MultiplyAdd(even, square, 0.6666667);
            odd = 0.21792394;
            odd = V.MultiplyAdd(odd, square, 0.22301501);
            odd = V.MultiplyAdd(odd, square, 0.40000054);
        }
        else
        {
            even = 0.08340114802291036;
            even = V.MultiplyAdd(even, square, 0.1330097397823882);
            even = V.MultiplyAdd(even, square, 0.18181743926377084);
            even = V.MultiplyAdd(even, square, 0.2857142854785464);
            even = V.MultiplyAdd(even, square, 0.6666666666666631);
            odd = 0.1701855091498125;
            odd = V.MultiplyAdd(odd, square, 0.12106083182709593);
            odd = V.MultiplyAdd(odd, square, 0.15386559892813176);
            odd = V.MultiplyAdd(odd, square, 0.22222223969688143);
            odd = V.MultiplyAdd(odd, square, 0.4000000000015724);
        }

        return V.MultiplyAdd(odd, z, even);
    }

    /// <summary>P of tanh(x) = x + x z P(z), where z = x^2, for |x| &lt;= 0.55. Relative error 2^-27.79 in float, 2^-58.68 in double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V TanhPolynomial<V>(V z) where V : unmanaged, ISimd<V, T>
    {
        V square = z * z, even, odd;
        if (typeof(T) == typeof(float))
        {
            even = -0.0062742457;
            even = V.MultiplyAdd(even, square, -0.053852312);
            even = V.MultiplyAdd(even, square, -0.33333316);
            odd = 0.021071684;
            odd = V.MultiplyAdd(odd, square, 0.13332586);
        }
        else
        {
            even = -1.949469462234976e-05;
            even = V.MultiplyAdd(even, square, -0.0002333815738525003);
            even = V.MultiplyAdd(even, square, -0.0014555428467491508);
            even = V.MultiplyAdd(even, square, -0.008863232601462368);
            even = V.MultiplyAdd(even, square, -0.05396825396376068);
            even = V.MultiplyAdd(even, square, -0.333333333333333);
            odd = 8.331645912362176e-05;
            odd = V.MultiplyAdd(odd, square, 0.0005884444898622549);
            odd = V.MultiplyAdd(odd, square, 0.00359209203061527);
            odd = V.MultiplyAdd(odd, square, 0.02186948838585741);
            odd = V.MultiplyAdd(odd, square, 0.13333333333326622);
        }

        return V.MultiplyAdd(odd, z, even);
    }

    /// <summary>R of erf(x) = 1 - e^(-x R(x)), that is -log(erfc(x)) / x, for x from 0 to 4 (float) or 6 (double). Relative error 2^-27.42 in float, 2^-56.77 in double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ErfPolynomial<V>(V x) where V : unmanaged, ISimd<V, T>
    {
        V square = x * x, even, odd;
        if (typeof(T) == typeof(float))
        {
            even = -9.2560485e-06;
            even = V.MultiplyAdd(even, square, -0.0006328311);
            even = V.MultiplyAdd(even, square, -0.00016038814);
            even = V.MultiplyAdd(even, square, 0.10277783);
            odd = 0.000117639494;
            odd = V.MultiplyAdd(odd, square, 0.0016670183);
            odd = V.MultiplyAdd(odd, square, -0.019153068);
            odd = V.MultiplyAdd(odd, square, 0.6366194);
        }
        else
        {
            even = 7.832957658016349e-16;
            even = V.MultiplyAdd(even, square, 8.844422738781983e-13);
            even = V.MultiplyAdd(even, square, 1.248279441346866e-10);
            even = V.MultiplyAdd(even, square, 4.99729357084553e-09);
            even = V.MultiplyAdd(even, square, 6.572886020743134e-08);
            even = V.MultiplyAdd(even, square, 1.371612416283786e-07);
            even = V.MultiplyAdd(even, square, -1.7415872065905155e-06);
            even = V.MultiplyAdd(even, square, 3.4072339226031664e-06);
            even = V.MultiplyAdd(even, square, 6.449185134885162e-05);
            even = V.MultiplyAdd(even, square, -0.0005901255538137291);
            even = V.MultiplyAdd(even, square, -0.0002091946948653632);
            even = V.MultiplyAdd(even, square, 0.10277260330178865);
            odd = -3.849973964196353e-14;
            odd = V.MultiplyAdd(odd, square, -1.2609522080516968e-11);
            odd = V.MultiplyAdd(odd, square, -9.081385982280606e-10);
            odd = V.MultiplyAdd(odd, square, -2.0961098071584504e-08);
            odd = V.MultiplyAdd(odd, square, -1.4175097780640084e-07);
            odd = V.MultiplyAdd(odd, square, 3.3639668164717796e-07);
            odd = V.MultiplyAdd(odd, square, 2.835179895228863e-06);
            odd = V.MultiplyAdd(odd, square, -2.9724026425058165e-05);
            odd = V.MultiplyAdd(odd, square, 2.587860772812424e-05);
            odd = V.MultiplyAdd(odd, square, 0.001696206385919983);
            odd = V.MultiplyAdd(odd, square, -0.01912844700506838);
            odd = V.MultiplyAdd(odd, square, 0.6366197723675836);
        }

        // The first coefficient has more digits than the type holds: near zero nothing else counts.
        V low = V.MultiplyAdd(even, square, Constant<V>(-5.4117866e-08, 9.73138323380018e-18));
        return V.MultiplyAdd(odd, x, low) + Constant<V>(1.1283792, 1.1283791670955126);
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Backprop;

/// <summary>
/// The Box-Muller transform of PyTorch's <c>normal_</c>, 16 values at a time: with u = 1 - block[j] and v = block[j + 8],
/// block[j] = r cos(2 pi v) and block[j + 8] = r sin(2 pi v), where r = sqrt(-2 ln u).
/// </summary>
internal static class BoxMuller
{
    public const int BlockSize = 16;

    /// <summary>Transforms uniform doubles with the C library's functions, as PyTorch does; their last bit is the platform's.</summary>
    public static void Transform(Span<double> block, double mean, double std)
    {
        for (int j = 0; j < BlockSize / 2; j++)
        {
            double r = Math.Sqrt(-2 * Math.Log(1 - block[j]));
            var (sin, cos) = Math.SinCos(2 * Math.PI * block[j + 8]);
            block[j] = Math.FusedMultiplyAdd(r * cos, std, mean);
            block[j + 8] = Math.FusedMultiplyAdd(r * sin, std, mean);
        }
    }

    /// <summary>
    /// Transforms uniform floats bit for bit as PyTorch does on x86-64 with AVX2: by the single-precision polynomials of Moshier's
    /// Cephes library, with each product fused where PyTorch's compiler fuses it. Only exact or correctly rounded operations are
    /// used, so every platform gives the same bits.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transform(Span<float> block, float mean, float std)
    {
        var u = Vector256<float>.One - Vector256.Create<float>(block);
        var v = Vector256.Create<float>(block[8..]);
        var r = Vector256.Sqrt(Vector256.Create(-2f) * Log(u));
        var (sin, cos) = SinCos(Vector256.Create(2 * MathF.PI) * v);
        Vector256.FusedMultiplyAdd(r * cos, Vector256.Create(std), Vector256.Create(mean)).CopyTo(block);
        Vector256.FusedMultiplyAdd(r * sin, Vector256.Create(std), Vector256.Create(mean)).CopyTo(block[8..]);
    }

    // ln x for x in [2^-24, 1]: x = 2^e (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), and ln(1 + f) = f - f^2/2 + f^3 P(f).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Log(Vector256<float> x)
    {
        var bits = x.AsInt32();
        var m = ((bits & Vector256.Create(0x007fffff)) | Vector256.Create(0x3f000000)).AsSingle();   // x = 2^e m, 1/2 <= m < 1
        var small = Vector256.LessThan(m, Vector256.Create(0.70710677f));
        var e = Vector256.ConvertToSingle((bits >>> 23) - Vector256.Create(126) + small.AsInt32());
        var f = m + (m & small) - Vector256<float>.One;
        var ff = f * f;

        var p = Vector256.Create(7.0376836292e-2f);
        p = MultiplyAdd(p, f, -1.1514610310e-1f);
        p = MultiplyAdd(p, f, 1.1676998740e-1f);
        p = MultiplyAdd(p, f, -1.2420140846e-1f);
        p = MultiplyAdd(p, f, 1.4249322787e-1f);
        p = MultiplyAdd(p, f, -1.6668057665e-1f);
        p = MultiplyAdd(p, f, 2.0000714765e-1f);
        p = MultiplyAdd(p, f, -2.4999993993e-1f);
        p = MultiplyAdd(p, f, 3.3333331174e-1f);

        // ln 2 in two parts; the small one goes into the correction.
        var correction = Vector256.FusedMultiplyAdd(p * f, ff, e * Vector256.Create(-2.12194440e-4f));
        correction -= ff * Vector256.Create(0.5f);
        return Vector256.FusedMultiplyAdd(e, Vector256.Create(0.693359375f), f + correction);
    }

    // sin x and cos x for x in [0, 2 pi]: j is the octant rounded up to even, y = x - j pi/4 in [-pi/4, pi/4].
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float> Sin, Vector256<float> Cos) SinCos(Vector256<float> x)
    {
        var j = (Vector256.ConvertToInt32(x * Vector256.Create(1.27323954473516f)) + Vector256<int>.One) & Vector256.Create(~1);
        var octant = Vector256.ConvertToSingle(j);
        var y = Vector256.FusedMultiplyAdd(octant, Vector256.Create(-0.78515625f), x);   // pi/4 in three parts
        y = Vector256.FusedMultiplyAdd(octant, Vector256.Create(-2.4187564849853515625e-4f), y);
        y = Vector256.FusedMultiplyAdd(octant, Vector256.Create(-3.77489497744594108e-8f), y);
        var yy = y * y;

        var cos = Vector256.Create(2.443315711809948e-5f);
        cos = MultiplyAdd(cos, yy, -1.388731625493765e-3f);
        cos = MultiplyAdd(cos, yy, 4.166664568298827e-2f);
        cos = Vector256.FusedMultiplyAdd(cos * yy, yy, yy * Vector256.Create(-0.5f)) + Vector256<float>.One;

        var sin = Vector256.Create(-1.9515295891e-4f);
        sin = MultiplyAdd(sin, yy, 8.3321608736e-3f);
        sin = MultiplyAdd(sin, yy, -1.6666654611e-1f);
        sin = Vector256.FusedMultiplyAdd(sin * yy, y, y);

        // In every second quadrant the two change places; the signs follow the quadrant.
        var swap = Vector256.Equals(j & Vector256.Create(2), Vector256.Create(2)).AsSingle();
        var sinSign = (j & Vector256.Create(4)) << 29;
        var cosSign = ((j + Vector256.Create(2)) & Vector256.Create(4)) << 29;
        return (Vector256.ConditionalSelect(swap, cos, sin) ^ sinSign.AsSingle(),
                Vector256.ConditionalSelect(swap, sin, cos) ^ cosSign.AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, float c) => Vector256.FusedMultiplyAdd(a, b, Vector256.Create(c));
}

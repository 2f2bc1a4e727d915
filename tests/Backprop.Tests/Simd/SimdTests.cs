using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Backprop.Simd;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Simd;

/// <summary>Each operation of each vector type against the plain operation on each lane.</summary>
public abstract class SimdTests<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly T[] Numbers =
    [
        T.Zero, T.NegativeZero, T.One, -T.One, T.Epsilon, T.NaN, T.PositiveInfinity, T.NegativeInfinity,
        .. new[] { 0.5, 1.5, 2.5, -0.5, -1.5, 1e30, -1e30, 3.999, 1.0 / 3, -7.25, 123456.789, 1e-30 }.Select(T.CreateTruncating),
    ];

    [Fact]
    public void A_512_bit_vector_works() => Check<Simd512<T>>.Run(64);

    [Fact]
    public void A_256_bit_vector_works() => Check<Simd256<T>>.Run(32);

    [Fact]
    public void A_128_bit_vector_works() => Check<Simd128<T>>.Run(16);

    [Fact]
    public void A_scalar_works() => Check<Scalar<T>>.Run(Unsafe.SizeOf<T>());

    [Fact]
    public void A_kernel_runs_at_the_greatest_width_the_hardware_has()
    {
        var kernel = new CountKernel();
        Dispatch.Run<T, CountKernel>(ref kernel);
        int bytes = Vector512.IsHardwareAccelerated ? 64 : Vector256.IsHardwareAccelerated ? 32 : Vector128.IsHardwareAccelerated ? 16 : 0;
        Dispatch.Bytes.Should().Be(bytes);
        kernel.Count.Should().Be(int.Max(1, bytes / Unsafe.SizeOf<T>()));
    }

    private struct CountKernel : ISimdKernel<T>
    {
        public int Count;

        public void Run<V>() where V : unmanaged, ISimd<V, T> => Count = V.Count;
    }

    private static unsafe class Check<V>
        where V : unmanaged, ISimd<V, T>
    {
        public static void Run(int bytes)
        {
            (V.Count * sizeof(T)).Should().Be(bytes);
            Constants();
            Loads_and_stores();
            Arithmetic();
            Comparisons();
            Bits();
            Sums();
        }

        private static void Constants()
        {
            Lanes(V.Zero).Should().AllBeEquivalentTo(T.Zero);
            Lanes(V.Broadcast(T.Pi)).Should().AllBeEquivalentTo(T.Pi);
            V third = 1.0 / 3;
            Lanes(third).Should().AllBeEquivalentTo(T.CreateTruncating(1.0 / 3));
            Lanes(V.FromBits(0x3F800000, 0x3FF0000000000000)).Should().AllBeEquivalentTo(T.One);
        }

        private static void Loads_and_stores()
        {
            T marker = T.CreateTruncating(77);
            for (int count = 0; count <= V.Count; count++)
            {
                T[] source = [.. Enumerable.Range(1, V.Count + 1).Select(T.CreateTruncating)], target = new T[V.Count + 1];
                Array.Fill(target, marker);
                // One element further than a vector is aligned to.
                fixed (T* s = &source[1], t = &target[1])
                {
                    V v = V.Load(s, count);
                    Lanes(v).Should().Equal(Enumerable.Range(0, V.Count).Select(i => i < count ? source[i + 1] : T.Zero));
                    V.Load(s).Store(t, count);
                    target.Should().Equal(Enumerable.Range(0, V.Count + 1).Select(i => 1 <= i && i <= count ? source[i] : marker));
                    Lanes(V.Keep(V.Load(s), count)).Should().Equal(Lanes(v));
                    Lanes(V.Load(s)).Should().Equal(source[1..]);
                }
            }
        }

        private static void Arithmetic()
        {
            Unary(v => -v, x => -x);
            Unary(V.Abs, T.Abs);
            Unary(V.Sqrt, T.Sqrt);
            Binary((a, b) => a + b, (a, b) => a + b);
            Binary((a, b) => a - b, (a, b) => a - b);
            Binary((a, b) => a * b, (a, b) => a * b);
            Binary((a, b) => a / b, (a, b) => a / b);
            Binary(V.Min, (a, b) => T.Min(a, b));
            Binary(V.Max, (a, b) => T.Max(a, b));
            Binary((a, b) => V.MultiplyAdd(a, b, 1.25), (a, b) =>
            {
                T c = T.CreateTruncating(1.25);
                return Fused ? T.FusedMultiplyAdd(a, b, c) : a * b + c;
            });
            // Limits are no NaN and have no say over the sign of zero.
            Binary(V.AtMost, (limit, x) => T.IsNaN(limit) || limit == T.Zero && x == T.Zero ? null : T.Min(limit, x));
            Binary(V.AtLeast, (limit, x) => T.IsNaN(limit) || limit == T.Zero && x == T.Zero ? null : T.Max(limit, x));
        }

        private static void Comparisons()
        {
            Condition((a, b) => a < b, (a, b) => a < b);
            Condition((a, b) => a > b, (a, b) => a > b);
            Condition((a, b) => a <= b, (a, b) => a <= b);
            Condition((a, b) => a >= b, (a, b) => a >= b);
            Condition(V.Equal, (a, b) => a == b);
            Condition((a, _) => V.IsNaN(a), (a, _) => T.IsNaN(a));

            static void Condition(Func<V, V, V> vector, Func<T, T, bool> scalar)
            {
                Binary((a, b) => V.Select(vector(a, b), 2, -3), (a, b) => T.CreateTruncating(scalar(a, b) ? 2 : -3));
                Binary((a, b) => vector(a, b) & 1, (a, b) => scalar(a, b) ? T.One : T.Zero);
            }
        }

        private static void Bits()
        {
            V sign = -0.0;
            Unary(v => v & ~sign, T.Abs);
            Unary(v => v ^ sign, x => -x);
            Unary(v => V.Abs(v) | sign, x => -T.Abs(x));
            Unary(v => V.Select(sign, 1, v), x => T.CopySign(x, T.One)); // by the bit, not by the lane
            // An exponent counts in units of the bit above the digits.
            V one = 1, oneInExponent = V.FromBits(1u << 23, 1UL << 52);
            Lanes(V.AddBits(one, oneInExponent)).Should().AllBeEquivalentTo(T.CreateTruncating(2));
            Lanes(V.SubtractBits(one, oneInExponent)).Should().AllBeEquivalentTo(T.CreateTruncating(0.5));
            Lanes(V.ShiftBitsLeft(V.FromBits(127, 1023), 23, 52)).Should().AllBeEquivalentTo(T.One);
            Lanes(V.ShiftBitsLeft(V.ShiftBitsRight(-one, 23, 52), 23, 52)).Should().AllBeEquivalentTo(-T.One, "zeros come in, not the sign");
            Lanes(V.SubtractBits(V.Zero, V.FromBits(1, 1))).Should().AllBeEquivalentTo(T.NaN, "integers wrap around");
        }

        private static void Sums()
        {
            var random = new Random(7);
            T[] lanes = [.. Enumerable.Range(0, V.Count).Select(_ => T.CreateTruncating(random.NextDouble() - 0.5))], halves = [.. lanes];
            for (int half = V.Count / 2; half > 0; half /= 2)
                for (int i = 0; i < half; i++) halves[i] += halves[i + half];
            fixed (T* p = lanes)
            {
                V.Sum(V.Load(p)).Should().Be(halves[0]);
            }
        }

        // Whether this vector type fuses must be found by asking it: 1 - eps^2 rounds to 1 on the way, unless it is not rounded on the way.
        private static bool Fused
        {
            get
            {
                T eps = T.BitIncrement(T.One) - T.One;
                return Lanes(V.MultiplyAdd(V.Broadcast(T.One + eps), V.Broadcast(T.One - eps), -1))[0] != T.Zero;
            }
        }

        private static void Unary(Func<V, V> vector, Func<T, T> scalar) => Binary((a, _) => vector(a), (a, _) => scalar(a));

        private static void Binary(Func<V, V, V> vector, Func<T, T, T?> scalar)
        {
            foreach (T a in Numbers)
            {
                foreach (T b in Numbers)
                {
                    if (scalar(a, b) is not { } expected) continue;
                    foreach (T actual in Lanes(vector(V.Broadcast(a), V.Broadcast(b))))
                    {
                        actual.Should().Be(expected, "the operands are {0} and {1}", a, b);
                        if (!T.IsNaN(actual)) T.IsNegative(actual).Should().Be(T.IsNegative(expected), "the operands are {0} and {1}", a, b);
                    }
                }
            }
        }

        private static T[] Lanes(V v)
        {
            var lanes = new T[V.Count];
            fixed (T* p = lanes) v.Store(p);
            return lanes;
        }
    }
}

public class SimdDoubleTests : SimdTests<double>;

public class SimdSingleTests : SimdTests<float>;

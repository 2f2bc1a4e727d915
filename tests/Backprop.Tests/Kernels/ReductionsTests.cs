using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;
using Backprop.Simd;
using CsCheck;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Kernels;

public abstract class ReductionsTests<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    public static TheoryData<int> Lengths => [.. Enumerable.Range(0, 70), 127, 128, 129, 300, 4095, 4096, 4097, 8192, 10_000];

    [Theory, MemberData(nameof(Lengths))]
    public void Sums_are_added_in_the_order_documented(int length)
    {
        T[] x = Numbers(length + 3, 1), y = Numbers(length + 3, 2), z = Numbers(length + 3, 3);
        for (int start = 0; start < 3; start++)
        {
            T[] a = x[start..(start + length)], b = y[start..(start + length)], c = z[start..(start + length)];
            Span<T> sa = x.AsSpan(start, length), sb = y.AsSpan(start, length), sc = z.AsSpan(start, length);
            Reductions.Sum<T>(sa).Should().Be(Reference.Sum<T>(a));
            Reductions.Sum(default(Square), sa).Should().Be(Reference.Sum<T>([.. a.Select(v => v * v)]));
            Reductions.Sum(default(Product), sa, sb).Should().Be(Reference.Sum<T>([.. a.Zip(b, (v, w) => v * w)]));
            Reductions.Sum(default(ProductMinus), sa, sb, sc).Should().Be(Reference.Sum<T>([.. a.Zip(b, (v, w) => v * w).Zip(c, (v, w) => v - w)]));
        }
    }

    [Theory, MemberData(nameof(Lengths))]
    public unsafe void Every_width_adds_in_the_same_order(int length)
    {
        T[] x = Numbers(length, 1);
        double expected = Reference.Sum<T>([.. x.Select(v => v * v)]);
        fixed (T* p = x)
        {
            var kernel = new Reductions.SumKernel<T, Unary<T, Square>>(new(default, p), length);
            kernel.Run<Simd512<T>>();
            kernel.Result.Should().Be(expected);
            kernel.Run<Simd256<T>>();
            kernel.Result.Should().Be(expected);
            kernel.Run<Simd128<T>>();
            kernel.Result.Should().Be(expected);
            kernel.Run<Scalar<T>>();
            kernel.Result.Should().Be(expected);
        }
    }

    [Fact]
    public void A_function_without_a_value_at_zero_is_not_disturbed_by_padding()
    {
        T[] x = [T.CreateTruncating(4), T.CreateTruncating(2), T.CreateTruncating(0.5)];
        Reductions.Sum(default(Reciprocal), x).Should().Be(2.75);
    }

    [Fact]
    public void Sums_of_many_numbers_stay_accurate()
    {
        T[] x = new T[1_000_000];
        Array.Fill(x, T.CreateTruncating(0.1));
        double exact = double.CreateTruncating(x[0]) * x.Length;
        Math.Abs(Reductions.Sum<T>(x) / exact - 1).Should().BeLessThan((typeof(T) == typeof(float) ? 1 : 250) * double.CreateTruncating(T.BitIncrement(T.One) - T.One));
    }

    [Fact]
    public void NaN_and_infinity_reach_the_sum()
    {
        T[] x = Numbers(100, 1);
        x[70] = T.PositiveInfinity;
        Reductions.Sum<T>(x).Should().Be(double.PositiveInfinity);
        x[97] = T.NegativeInfinity;
        Reductions.Sum<T>(x).Should().Be(double.NaN);
    }

    [Fact]
    public void Columns_of_a_column_major_matrix_are_summed() => Gen.Select(Gen.Int[0, 40], Gen.Int[1, 12]).Sample((rows, columns) =>
    {
        T[] matrix = Numbers(rows * columns, 1), columnSums = Numbers(columns, 2), before = [.. columnSums];
        Reductions.AddColumnSums(matrix, rows, columnSums);
        for (int j = 0; j < columns; j++) columnSums[j].Should().Be(before[j] + T.CreateTruncating(Reference.Sum<T>(matrix[(j * rows)..((j + 1) * rows)])));
    }, seed: "0000KpWHEs03");

    /// <summary>Few rows and many, whose sums are added in other code.</summary>
    [Fact]
    public void Columns_of_zeros_have_no_sign_and_NaN_and_infinity_reach_their_sums()
    {
        for (var rows = 1; rows <= 20; rows++)
        {
            T[] sums = [T.NegativeZero];
            Reductions.AddColumnSums(Enumerable.Repeat(T.NegativeZero, rows).ToArray(), rows, sums);
            T.IsNegative(sums[0]).Should().BeFalse();
            for (var i = 0; i < rows; i++)
                foreach (var value in (T[])[T.NaN, T.PositiveInfinity, T.NegativeInfinity])
                {
                    var column = Numbers(rows, 1);
                    column[i] = value;
                    sums[0] = T.One;
                    Reductions.AddColumnSums(column, rows, sums);
                    sums[0].Should().Be(value);
                }
        }
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused()
    {
        T[] three = new T[3], four = new T[4];
        new Action[]
        {
            () => Reductions.Sum(default(Product), three, four),
            () => Reductions.Sum(default(ProductMinus), three, three, four),
            () => Reductions.AddColumnSums(four, 2, three),
        }.Should().AllSatisfy(act => act.Should().Throw<ArgumentException>());
    }

    private static T[] Numbers(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => T.CreateTruncating(random.NextDouble() * 10 - 5))];
    }

    private readonly struct ProductMinus : ITernary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x, V y, V z) where V : unmanaged, IVector<V, T> => x * y - z;
    }

    private readonly struct Square : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => x * x;
    }

    private readonly struct Product : IBinary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x, V y) where V : unmanaged, IVector<V, T> => x * y;
    }

    private readonly struct Reciprocal : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => 1 / x;
    }
}

public class ReductionsDoubleTests : ReductionsTests<double>;

public class ReductionsSingleTests : ReductionsTests<float>;

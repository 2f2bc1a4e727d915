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
    public static TheoryData<int> Lengths => [.. Enumerable.Range(0, 70), 4095, 4096, 4097, 8192, 10_000];

    [Theory, MemberData(nameof(Lengths))]
    public void Sums_are_added_in_the_order_documented(int length)
    {
        T[] x = Numbers(length + 3, 1), y = Numbers(length + 3, 2), z = Numbers(length + 3, 3);
        for (int start = 0; start < 3; start++)
        {
            T[] a = x[start..(start + length)], b = y[start..(start + length)], c = z[start..(start + length)];
            Span<T> sa = x.AsSpan(start, length), sb = y.AsSpan(start, length), sc = z.AsSpan(start, length);
            Reductions.Sum<T>(sa).Should().Be(OrderedSum(a));
            Reductions.SumOfSquares<T>(sa).Should().Be(OrderedSum([.. a.Select(v => v * v)]));
            Reductions.Dot<T>(sa, sb).Should().Be(OrderedSum([.. a.Zip(b, (v, w) => v * w)]));
            Reductions.Sum(default(ProductMinus), sa, sb, sc).Should().Be(OrderedSum([.. a.Zip(b, (v, w) => v * w).Zip(c, (v, w) => v - w)]));
        }
    }

    [Theory, MemberData(nameof(Lengths))]
    public unsafe void Every_width_adds_in_the_same_order(int length)
    {
        T[] x = Numbers(length, 1);
        T expected = OrderedSum([.. x.Select(v => v * v)]);
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
        Reductions.Sum(default(Reciprocal), x).Should().Be(T.CreateTruncating(2.75));
    }

    [Fact]
    public void Sums_of_many_numbers_stay_accurate()
    {
        T[] x = new T[1_000_000];
        Array.Fill(x, T.CreateTruncating(0.1));
        double exact = double.CreateTruncating(x[0]) * x.Length;
        Math.Abs(double.CreateTruncating(Reductions.Sum<T>(x)) / exact - 1).Should().BeLessThan(250 * double.CreateTruncating(T.BitIncrement(T.One) - T.One));
    }

    [Fact]
    public void NaN_and_infinity_reach_the_sum()
    {
        T[] x = Numbers(100, 1);
        x[70] = T.PositiveInfinity;
        Reductions.Sum<T>(x).Should().Be(T.PositiveInfinity);
        x[97] = T.NegativeInfinity;
        Reductions.Sum<T>(x).Should().Be(T.NaN);
    }

    [Fact]
    public void Max_is_the_greatest_and_NaN_if_there_is_one()
    {
        for (int length = 0; length < 70; length++)
        {
            T[] x = Numbers(length, length);
            Reductions.Max<T>(x).Should().Be(length == 0 ? T.NegativeInfinity : x.Max());
            for (int i = 0; i < length; i++)
            {
                T before = x[i];
                x[i] = T.CreateTruncating(1e6);
                Reductions.Max<T>(x).Should().Be(x[i]);
                x[i] = T.NaN;
                Reductions.Max<T>(x).Should().Be(T.NaN);
                x[i] = before;
            }
        }

        Reductions.Max<T>([T.NegativeZero, T.Zero, T.NegativeZero]).Should().Be(T.Zero);
        Reductions.Max<T>([T.NegativeInfinity, T.NegativeInfinity]).Should().Be(T.NegativeInfinity);
    }

    [Fact]
    public void Columns_and_rows_of_a_column_major_matrix_are_summed() => Gen.Select(Gen.Int[0, 40], Gen.Int[1, 12]).Sample((rows, columns) =>
    {
        T[] matrix = Numbers(rows * columns, 1), columnSums = Numbers(columns, 2), before = [.. columnSums];
        Reductions.AddColumnSums(matrix, rows, columnSums);
        for (int j = 0; j < columns; j++) columnSums[j].Should().Be(before[j] + OrderedSum(matrix[(j * rows)..((j + 1) * rows)]));

        T[] rowSums = new T[rows], rowMax = new T[rows];
        Reductions.RowSums(matrix, columns, rowSums);
        Reductions.RowMax(matrix, columns, rowMax);
        for (int i = 0; i < rows; i++)
        {
            T sum = matrix[i], max = matrix[i];
            for (int j = 1; j < columns; j++)
            {
                sum += matrix[i + j * rows];
                max = T.Max(max, matrix[i + j * rows]);
            }

            rowSums[i].Should().Be(sum);
            rowMax[i].Should().Be(max);
        }
    }, seed: "0000KpWHEs03");

    [Fact]
    public void Nothing_beyond_the_rows_is_written()
    {
        T[] result = Numbers(12, 1), before = [.. result];
        Reductions.RowSums(Numbers(15, 2), 3, result.AsSpan(3, 5));
        result[..3].Should().Equal(before[..3]);
        result[8..].Should().Equal(before[8..]);
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused()
    {
        T[] three = new T[3], four = new T[4];
        new Action[]
        {
            () => Reductions.Dot<T>(three, four),
            () => Reductions.Sum(default(ProductMinus), three, three, four),
            () => Reductions.AddColumnSums(four, 2, three),
            () => Reductions.RowSums(four, 2, three),
            () => Reductions.RowMax<T>([], 0, []),
        }.Should().AllSatisfy(act => act.Should().Throw<ArgumentException>());
    }

    /// <summary>The order that <see cref="Reductions"/> documents, in plain loops.</summary>
    private static T OrderedSum(T[] x)
    {
        T total = T.Zero;
        for (int start = 0; start < x.Length; start += 4096)
        {
            var partial = new T[64 / Unsafe.SizeOf<T>()];
            for (int i = start; i < int.Min(x.Length, start + 4096); i++) partial[(i - start) % partial.Length] += x[i];
            for (int half = partial.Length / 2; half > 0; half /= 2)
                for (int l = 0; l < half; l++) partial[l] += partial[l + half];
            total += partial[0];
        }

        return total;
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

    private readonly struct Reciprocal : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => 1 / x;
    }
}

public class ReductionsDoubleTests : ReductionsTests<double>;

public class ReductionsSingleTests : ReductionsTests<float>;

using System.Numerics;
using System.Runtime.InteropServices;
using Backprop.Kernels;
using Backprop.Simd;
using CsCheck;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Kernels;

/// <summary>
/// The references are plain loops. The kernels must give their very bits: an entry is one chain of multiply-adds in ascending order,
/// at every vector width, in every block, on every thread.
/// </summary>
public abstract class ProductsTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // Around the edges of tiles (6 columns, 1 or 2 vectors of up to 16), of blocks (192, 256, 1024) and of the paths for small sizes.
    private static readonly Gen<int> Size = Gen.Frequency(
        (6, Gen.Int[1, 20]), (3, OneOf(24, 31, 32, 33, 47, 48, 49, 63, 64, 65)), (1, OneOf(191, 193, 255, 256, 257)));

    private static readonly Gen<(int N, int K, int M, int Seed)> Sizes = Gen.Select(Size, Size, Size, Gen.Int[0, 1 << 30]);

    [Fact]
    public void X_times_W_transposed_plus_b_has_the_bits_of_the_reference() => Sizes.ForAll(size =>
    {
        var (n, k, m, seed) = size;
        T[] x = Values(n * k, seed), w = Values(m * k, seed + 1), b = seed % 3 == 0 ? [] : Values(m, seed + 2), y = Garbage(n * m);
        Products.TimesTransposed<T>(x, w, b, y, n, k, m);
        Same(y, Reference.TimesTransposed(x, w, b, n, k, m));
    }, 150);

    [Fact]
    public void A_times_B_has_the_bits_of_the_reference() => Sizes.ForAll(size =>
    {
        var (n, m, k, seed) = size;
        T[] a = Values(n * m, seed), b = Values(m * k, seed + 1), c = Garbage(n * k);
        Products.Times<T>(a, b, c, n, m, k);
        Same(c, Reference.Times(a, b, n, m, k));
    }, 150);

    [Fact]
    public void C_plus_A_transposed_times_B_has_the_bits_of_the_reference() => Sizes.ForAll(size =>
    {
        var (n, m, k, seed) = size;
        T[] a = Values(n * m, seed), b = Values(n * k, seed + 1), c = Values(m * k, seed + 2), before = [.. c];
        Products.AddTransposeTimes<T>(a, b, c, n, m, k);
        Same(c, Reference.AddTransposeTimes(a, b, before, n, m, k));
    }, 150);

    [Fact]
    public void Every_vector_width_has_the_same_bits() => Gen.Select(Gen.Int[1, 70], Gen.Int[1, 40], Gen.Int[1, 40], Gen.Bool, Gen.Bool).ForAll(@case =>
    {
        var (rows, columns, inner, transposeA, transposeC) = @case;
        T[] a = Values(rows * inner, rows), b = Values(inner * columns, columns), c = Values(rows * columns, inner);
        var expected = Run<Simd512<T>>();
        Same(Run<Simd256<T>>(), expected);
        Same(Run<Simd128<T>>(), expected);
        Same(Run<Scalar<T>>(), expected);

        unsafe T[] Run<V>() where V : unmanaged, ISimd<V, T>
        {
            T[] result = [.. c];
            fixed (T* pa = a, pb = b, pc = result)
            {
                new Product<T>
                {
                    A = transposeA ? new(pa, inner, 1) : new(pa, 1, rows),
                    B = new(pb, 1, inner),
                    C = transposeC ? new(pc, columns, 1) : new(pc, 1, rows),
                    Rows = rows,
                    Columns = columns,
                    Inner = inner,
                    Accumulate = true,
                }.Run<V>();
            }

            return result;
        }
    });

    [Fact]
    public void Parts_have_the_bits_of_the_whole() => Gen.Select(Gen.Int[1, 300], Gen.Int[1, 300], Gen.Int[1, 20], Gen.Int[1, 9]).ForAll(@case =>
    {
        var (rows, columns, inner, parts) = @case;
        T[] a = Values(rows * inner, rows), b = Values(inner * columns, columns);
        Same(Run(parts), Run(1));

        unsafe T[] Run(int count)
        {
            var result = Garbage(rows * columns);
            fixed (T* pa = a, pb = b, pc = result)
            {
                var split = new SplitProduct<T>(new Product<T> { A = new(pa, 1, rows), B = new(pb, 1, inner), C = new(pc, 1, rows), Rows = rows, Columns = columns, Inner = inner }, count);
                split.Parts.Should().BeInRange(1, count);
                for (var part = 0; part < count; part++) split.Run(part, count);
            }

            return result;
        }
    }, 100);

    [Fact]
    public void A_sample_alone_has_the_bits_it_has_in_a_batch()
    {
        const int N = 33, K = 300, M = 203; // more rows than eight vectors, more terms than a block
        T[] x = Values(N * K, 1), w = Values(M * K, 2), b = Values(M, 3), batch = Garbage(N * M), alone = Garbage(M);
        Products.TimesTransposed<T>(x, w, b, batch, N, K, M);
        for (var i = 0; i < N; i++)
        {
            Products.TimesTransposed<T>(Enumerable.Range(0, K).Select(p => x[i + p * N]).ToArray(), w, b, alone, 1, K, M);
            Same(alone, [.. Enumerable.Range(0, M).Select(j => batch[i + j * N])]);
        }
    }

    [Fact]
    public void Infinity_and_NaN_stay_in_their_row()
    {
        const int N = 37, K = 20, M = 13;
        T[] x = Values(N * K, 1), w = Values(M * K, 2), clean = Garbage(N * M), y = Garbage(N * M);
        Products.TimesTransposed<T>(x, w, [], clean, N, K, M);
        x[5] = T.NaN;
        x[7 + 3 * N] = T.PositiveInfinity;
        Products.TimesTransposed<T>(x, w, [], y, N, K, M);
        for (var i = 0; i < N; i++)
            for (var j = 0; j < M; j++)
                (i == 5 ? T.IsNaN(y[i + j * N]) : i == 7 ? T.IsInfinity(y[i + j * N]) : y[i + j * N] == clean[i + j * N]).Should().BeTrue();
    }

    private static Gen<int> OneOf(params int[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static void Same(T[] actual, T[] expected) =>
        MemoryMarshal.AsBytes<T>(actual).SequenceEqual(MemoryMarshal.AsBytes<T>(expected)).Should().BeTrue("all bits are the reference's");

    private protected static T[] Values(int count, int seed) => Any.Matrix<T>(count, 1, seed).AsColumnMajorArray();

    private protected static T[] Garbage(int count)
    {
        var garbage = new T[count];
        Array.Fill(garbage, T.NaN);
        return garbage;
    }
}

public sealed class ProductsDoubleTests : ProductsTests<double>
{
    [Fact]
    public async Task Threads_leave_no_trace_in_the_bits_alone_or_side_by_side()
    {
        const int N = 150, K = 120, M = 130;
        double[] x = Values(N * K, 1), w = Values(M * K, 2), b = Values(M, 3), expected;
        using (Threads.Of(1)) expected = Compute();
        using var two = Threads.Of(2);
        var all = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Enumerable.Range(0, 50).Select(_ => Compute()).ToArray())));
        foreach (var result in all.SelectMany(results => results)) result.Should().Equal(expected);

        double[] Compute()
        {
            var y = Garbage(N * M);
            Products.TimesTransposed<double>(x, w, b, y, N, K, M);
            return y;
        }
    }
}

public sealed class ProductsSingleTests : ProductsTests<float>;

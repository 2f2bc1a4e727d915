using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>Sums of spans and of the columns of column-major matrices.</summary>
/// <remarks>
/// <para>Every order of additions is fixed, whatever the vector width, the alignment and the position in memory.</para>
/// <para>
/// A sum over a span is taken in blocks of 128 floats or 4,096 doubles, whose sums are added one after the other in double. Within a block,
/// element i goes to partial sum i mod L (L = 16 for float, 8 for double: 64 bytes), each in ascending order from zero; the partial sums are then added by
/// halves (l and l + L/2, and so on). So a sum of doubles goes through 512 + n/4096 roundings, not n, and one of floats through 12, however many they are:
/// its error stays near that of a single rounding.
/// </para>
/// <para>In plain loops: <c>Reference.Sum</c> and <c>AddColumnSums</c> of the tests.</para>
/// </remarks>
[SkipLocalsInit]
internal static unsafe class Reductions
{
    /// <summary>The elements whose sum is taken in <typeparamref name="T"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Block<T>() => typeof(T) == typeof(float) ? 128 : 4096;

    /// <summary>The sum of f(x[i]); 0 for an empty span.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static double Sum<T, TFunction>(TFunction f, ReadOnlySpan<T> x)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TFunction : struct, IUnary<T>
    {
        fixed (T* px = x) return Sum<T, Unary<T, TFunction>>(new(f, px), x.Length);
    }

    /// <summary>The sum of f(x[i], y[i]); 0 for empty spans.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static double Sum<T, TFunction>(TFunction f, ReadOnlySpan<T> x, ReadOnlySpan<T> y)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TFunction : struct, IBinary<T>
    {
        Lengths.MustAgree(x.Length, y.Length);
        fixed (T* px = x, py = y) return Sum<T, Binary<T, TFunction>>(new(f, px, py), x.Length);
    }

    /// <summary>The sum of f(x[i], y[i], z[i]); 0 for empty spans.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static double Sum<T, TFunction>(TFunction f, ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> z)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TFunction : struct, ITernary<T>
    {
        Lengths.MustAgree(x.Length, y.Length, z.Length);
        fixed (T* px = x, py = y, pz = z) return Sum<T, Ternary<T, TFunction>>(new(f, px, py, pz), x.Length);
    }

    /// <summary>The sum of the elements.</summary>
    public static double Sum<T>(ReadOnlySpan<T> x)
        where T : unmanaged, IFloatingPointIeee754<T> => Sum(default(Identity<T>), x);

    /// <summary>Adds to each <c>sums[j]</c> the sum of column j of a column-major matrix.</summary>
    /// <exception cref="ArgumentException">The matrix does not have as many columns as there are sums.</exception>
    public static void AddColumnSums<T>(ReadOnlySpan<T> matrix, int rowCount, Span<T> sums)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustBeMatrix(matrix.Length, rowCount, sums.Length);
        fixed (T* pMatrix = matrix, pSums = sums)
        {
            var kernel = new ColumnSumsKernel<T> { Matrix = pMatrix, Sums = pSums, Rows = rowCount, Columns = sums.Length };
            Dispatch.Run<T, ColumnSumsKernel<T>>(ref kernel);
        }
    }

    private struct ColumnSumsKernel<T> : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public T* Matrix, Sums;
        public int Rows, Columns;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining), SkipLocalsInit]
        public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                T* column = Matrix;
                if (Rows <= 8)
                {
                    for (int j = 0; j < Columns; j++, column += Rows) Sums[j] += ShortSum(column, Rows);
                    return;
                }

                for (int j = 0; j < Columns; j++, column += Rows)
                    Sums[j] += T.CreateTruncating(new SumKernel<T, Unary<T, Identity<T>>>(new(default, column), Rows).Total<V>());
            }
        }
    }

    // Of up to eight elements each is a partial sum: their halves are added here as there, without what a kernel needs to begin.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T ShortSum<T>(T* x, int count) where T : unmanaged, IFloatingPointIeee754<T>
    {
        unchecked
        {
            return count > 4 ? ((From0(0) + From0(4)) + (From0(2) + From0(6))) + ((From0(1) + From0(5)) + (From0(3) + From0(7))) : (From0(0) + From0(2)) + (From0(1) + From0(3));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        T From0(int i) => unchecked(i < count ? T.Zero + x[i] : T.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Sum<T, TOperation>(TOperation operation, int length)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TOperation : struct, IOperation<T>
    {
        var kernel = new SumKernel<T, TOperation>(operation, length);
        Dispatch.Run<T, SumKernel<T, TOperation>>(ref kernel);
        return kernel.Result;
    }

    internal struct SumKernel<T, TOperation>(TOperation operation, int length) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
        where TOperation : struct, IOperation<T>
    {
        public double Result { get; private set; }

        // Not to be inlined: within its caller, a long function would exceed what the compiler inlines, and fall apart into calls.
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining), SkipLocalsInit]
        public void Run<V>() where V : unmanaged, ISimd<V, T> => Result = Total<V>();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly double Total<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                double total = 0;
                for (nint start = 0; start < length; start += Block<T>()) total += double.CreateTruncating(BlockSum<V>((int)start, (int)nint.Min(length - start, Block<T>()))); // int would wrap at the end of 2^31 - 1
                return total;
            }
        }

        // The partial sums are one, two or four vectors (16 or 8 scalars without SIMD) and take turns: the first gets the next vector and
        // goes to the end of the queue. How far the queue has turned at the end does not matter, because its halves are added.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly T BlockSum<V>(int start, int length) where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                int partialSums = 64 / (V.Count * sizeof(T));
                V a = V.Zero, b = V.Zero, c = V.Zero, d = V.Zero;
                Simd512<T> memory = Simd512<T>.Zero;
                T* scalars = (T*)&memory;
                for (int i = 0; i < length; i += V.Count)
                {
                    int count = length - i;
                    V value = operation.Invoke(count >= V.Count ? operation.Load<V>(start + i) : operation.Load<V>(start + i, count));
                    if (count < V.Count) value = V.Keep(value, count);
                    if (partialSums == 1) a += value;
                    else if (partialSums == 2) (a, b) = (b, a + value);
                    else if (partialSums == 4) (a, b, c, d) = (b, c, d, a + value);
                    else scalars[i % partialSums] += V.Sum(value);
                }

                if (partialSums == 2) a += b;
                if (partialSums == 4) a = (a + c) + (b + d);
                if (V.Count > 1) return V.Sum(a);
                for (int half = partialSums / 2; half > 0; half /= 2)
                    for (int l = 0; l < half; l++) scalars[l] += scalars[l + half];
                return scalars[0];
            }
        }
    }

    private readonly struct Identity<T> : IUnary<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => x;
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>Sums and maxima of spans and of the rows and columns of column-major matrices.</summary>
/// <remarks>
/// <para>Every order of additions is fixed, whatever the vector width, the alignment and the position in memory.</para>
/// <para>
/// A sum over a span is taken in blocks of 4,096 elements, added one after the other. Within a block, element i goes to partial
/// sum i mod L (L = 16 for float, 8 for double: 64 bytes), each in ascending order from zero; the partial sums are then added by halves
/// (l and l + L/2, and so on). So a sum goes through 256 (double: 512) + n/4096 roundings, not n.
/// </para>
/// </remarks>
[SkipLocalsInit]
internal static unsafe class Reductions
{
    private const int Block = 4096;

    /// <summary>The sum of f(x[i]); 0 for an empty span.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static T Sum<T, TFunction>(TFunction f, ReadOnlySpan<T> x)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TFunction : struct, IUnary<T>
    {
        fixed (T* px = x) return Sum<T, Unary<T, TFunction>>(new(f, px), x.Length);
    }

    /// <summary>The sum of f(x[i], y[i]); 0 for empty spans.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static T Sum<T, TFunction>(TFunction f, ReadOnlySpan<T> x, ReadOnlySpan<T> y)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TFunction : struct, IBinary<T>
    {
        Lengths.MustAgree(x.Length, y.Length);
        fixed (T* px = x, py = y) return Sum<T, Binary<T, TFunction>>(new(f, px, py), x.Length);
    }

    /// <summary>The sum of f(x[i], y[i], z[i]); 0 for empty spans.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static T Sum<T, TFunction>(TFunction f, ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> z)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TFunction : struct, ITernary<T>
    {
        Lengths.MustAgree(x.Length, y.Length, z.Length);
        fixed (T* px = x, py = y, pz = z) return Sum<T, Ternary<T, TFunction>>(new(f, px, py, pz), x.Length);
    }

    /// <summary>The sum of the elements.</summary>
    public static T Sum<T>(ReadOnlySpan<T> x)
        where T : unmanaged, IFloatingPointIeee754<T> => Sum(default(Identity<T>), x);

    /// <summary>The sum of the elements' squares (each rounded, then added).</summary>
    public static T SumOfSquares<T>(ReadOnlySpan<T> x)
        where T : unmanaged, IFloatingPointIeee754<T> => Sum(default(Square<T>), x);

    /// <summary>The sum of x[i] y[i] (each product rounded, then added).</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static T Dot<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y)
        where T : unmanaged, IFloatingPointIeee754<T> => Sum(default(Product<T>), x, y);

    /// <summary>The greatest element: NaN if any is NaN, negative infinity for an empty span.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static T Max<T>(ReadOnlySpan<T> x)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        fixed (T* px = x)
        {
            var kernel = new MaxKernel<T>(px, x.Length);
            Dispatch.Run<T, MaxKernel<T>>(ref kernel);
            return kernel.Result;
        }
    }

    /// <summary>Adds to each <c>sums[j]</c> the sum of column j of a column-major matrix.</summary>
    /// <exception cref="ArgumentException">The matrix does not have as many columns as there are sums.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void AddColumnSums<T>(ReadOnlySpan<T> matrix, int rowCount, Span<T> sums)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustAgree(matrix.Length, (long)rowCount * sums.Length);
        fixed (T* pMatrix = matrix)
        {
            for (int j = 0; j < sums.Length; j++)
                sums[j] += Sum<T, Unary<T, Identity<T>>>(new(default, pMatrix + (nint)j * rowCount), rowCount);
        }
    }

    /// <summary>The sum of each row of a column-major matrix, its columns added from left to right.</summary>
    /// <exception cref="ArgumentException">The matrix does not have as many rows as there are sums.</exception>
    public static void RowSums<T>(ReadOnlySpan<T> matrix, int columnCount, Span<T> sums)
        where T : unmanaged, IFloatingPointIeee754<T> => FoldRows(default(Addition<T>), matrix, columnCount, sums);

    /// <summary>The greatest element of each row of a column-major matrix: NaN if any in the row is NaN.</summary>
    /// <exception cref="ArgumentException">The matrix does not have as many rows as there are results.</exception>
    public static void RowMax<T>(ReadOnlySpan<T> matrix, int columnCount, Span<T> greatest)
        where T : unmanaged, IFloatingPointIeee754<T> => FoldRows(default(Maximum<T>), matrix, columnCount, greatest);

    /// <summary>
    /// <c>result[i] = f(f(f(m[i, 0], m[i, 1]), m[i, 2]), ...)</c> for each row i of a column-major matrix of at least one column.
    /// </summary>
    /// <exception cref="ArgumentException">The matrix does not have as many rows as there are results, or no column.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void FoldRows<T, TFunction>(TFunction f, ReadOnlySpan<T> matrix, int columnCount, Span<T> result)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TFunction : struct, IBinary<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columnCount, 1);
        Lengths.MustAgree(matrix.Length, (long)result.Length * columnCount);
        fixed (T* pMatrix = matrix, pResult = result)
        {
            var kernel = new FoldRowsKernel<T, TFunction>(f, pMatrix, columnCount, pResult, result.Length);
            Dispatch.Run<T, FoldRowsKernel<T, TFunction>>(ref kernel);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Sum<T, TOperation>(TOperation operation, int length)
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
        public T Result { get; private set; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            T total = T.Zero;
            for (int start = 0; start < length; start += Block) total += BlockSum<V>(start, int.Min(length - start, Block) + start);
            Result = total;
        }

        // The partial sums are one, two or four vectors (16 or 8 scalars without SIMD) and take turns: the first gets the next vector and
        // goes to the end of the queue. How far the queue has turned at the end does not matter, because its halves are added.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly T BlockSum<V>(int start, int end) where V : unmanaged, ISimd<V, T>
        {
            int partialSums = 64 / (V.Count * sizeof(T));
            V a = V.Zero, b = V.Zero, c = V.Zero, d = V.Zero;
            Simd512<T> memory = Simd512<T>.Zero;
            T* scalars = (T*)&memory;
            for (int i = start; i < end; i += V.Count)
            {
                int count = end - i;
                V value = operation.Invoke(count >= V.Count ? operation.Load<V>(i) : operation.Load<V>(i, count));
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

    private struct MaxKernel<T>(T* x, int length) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public T Result { get; private set; }

        // The order does not matter to a maximum, nor that the last vector overlaps its predecessor.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            T result = T.NegativeInfinity;
            int last = length - V.Count, i = 0;
            if (last >= 0)
            {
                V greatest = V.Load(x + last);
                for (; i < last; i += V.Count) greatest = V.Max(greatest, V.Load(x + i));
                result = V.Max(greatest);
            }
            else
            {
                for (; i < length; i++) result = T.Max(result, x[i]);
            }

            Result = result;
        }
    }

    private readonly struct FoldRowsKernel<T, TFunction>(TFunction f, T* matrix, int columnCount, T* result, int rowCount) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
        where TFunction : struct, IBinary<T>
    {
        // Down the rows in strips of one vector; each strip reads one vector of every column.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            for (int i = 0; i < rowCount; i += V.Count)
            {
                int count = rowCount - i;
                bool whole = count >= V.Count;
                T* source = matrix + i;
                V value = whole ? V.Load(source) : V.Load(source, count);
                for (int j = 1; j < columnCount; j++)
                {
                    source += rowCount;
                    value = f.Invoke(value, whole ? V.Load(source) : V.Load(source, count));
                }

                if (whole) value.Store(result + i);
                else value.Store(result + i, count);
            }
        }
    }

    private readonly struct Identity<T> : IUnary<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => x;
    }

    private readonly struct Square<T> : IUnary<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => x * x;
    }

    private readonly struct Product<T> : IBinary<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x, V y) where V : unmanaged, IVector<V, T> => x * y;
    }

    private readonly struct Addition<T> : IBinary<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x, V y) where V : unmanaged, IVector<V, T> => x + y;
    }

    private readonly struct Maximum<T> : IBinary<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x, V y) where V : unmanaged, IVector<V, T> => V.Max(x, y);
    }
}

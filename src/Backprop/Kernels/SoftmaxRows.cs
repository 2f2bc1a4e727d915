using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>Softmax and its logarithm over each row of a column-major matrix, and their derivatives.</summary>
/// <remarks>
/// A vector holds neighbouring rows, one in each lane, and walks through the columns from left to right; so each row is its own sum, in
/// a fixed order, whichever rows lie beside it. Sums are taken in blocks of columns, so that many columns cost few roundings.
/// </remarks>
[SkipLocalsInit]
internal static unsafe class SoftmaxRows
{
    private const int Block = 64;

    /// <summary>y = e^(x - m) / S, where m is the row's greatest x and S the row's sum of e^(x - m).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static void Forward<T>(ReadOnlySpan<T> x, Span<T> y, int rows, int columns) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustBeMatrix(x.Length, rows, columns);
        Lengths.MustAgree(y.Length, x.Length);
        if (columns == 0) return; // where there is no column, none is the greatest
        fixed (T* px = x, py = y)
        {
            var kernel = new Rows<T, Softmax<T>>(px, px, py, rows, columns);
            Dispatch.Run<T, Rows<T, Softmax<T>>>(ref kernel);
        }
    }

    /// <summary>dX = y (dY - s), where s is the row's sum of dY y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static void Backward<T>(ReadOnlySpan<T> y, ReadOnlySpan<T> dY, Span<T> dX, int rows, int columns) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustBeMatrix(y.Length, rows, columns);
        Lengths.MustAgree(y.Length, dY.Length, dX.Length);
        fixed (T* py = y, pdY = dY, pdX = dX)
        {
            var kernel = new Rows<T, SoftmaxGradient<T>>(py, pdY, pdX, rows, columns);
            Dispatch.Run<T, Rows<T, SoftmaxGradient<T>>>(ref kernel);
        }
    }

    /// <summary>y = x - m - log(S), with m and S as in <see cref="Forward"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static void LogForward<T>(ReadOnlySpan<T> x, Span<T> y, int rows, int columns) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustBeMatrix(x.Length, rows, columns);
        Lengths.MustAgree(y.Length, x.Length);
        if (columns == 0) return; // where there is no column, none is the greatest
        fixed (T* px = x, py = y)
        {
            var kernel = new Rows<T, LogSoftmax<T>>(px, px, py, rows, columns);
            Dispatch.Run<T, Rows<T, LogSoftmax<T>>>(ref kernel);
        }
    }

    /// <summary>dX = dY - e^y s, where s is the row's sum of dY.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static void LogBackward<T>(ReadOnlySpan<T> y, ReadOnlySpan<T> dY, Span<T> dX, int rows, int columns) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustBeMatrix(y.Length, rows, columns);
        Lengths.MustAgree(y.Length, dY.Length, dX.Length);
        fixed (T* py = y, pdY = dY, pdX = dX)
        {
            var kernel = new Rows<T, LogSoftmaxGradient<T>>(py, pdY, pdX, rows, columns);
            Dispatch.Run<T, Rows<T, LogSoftmaxGradient<T>>>(ref kernel);
        }
    }

    /// <summary>What is done with some rows at once.</summary>
    private interface IStrip<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        void Run<V>(Strip<T> strip) where V : unmanaged, ISimd<V, T>;
    }

    /// <summary>Some neighbouring rows of two inputs and a result, at most as many as a vector has lanes.</summary>
    private readonly struct Strip<T>(T* a, T* b, T* result, nint stride, int columns, int count) where T : unmanaged, IFloatingPointIeee754<T>
    {
        public int Columns => columns;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V A<V>(int column) where V : unmanaged, ISimd<V, T> => Load<V>(a + column * stride);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V B<V>(int column) where V : unmanaged, ISimd<V, T> => Load<V>(b + column * stride);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Result<V>(int column) where V : unmanaged, ISimd<V, T> => Load<V>(result + column * stride);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Store<V>(int column, V value) where V : unmanaged, ISimd<V, T>
        {
            if (count == V.Count) value.Store(result + column * stride);
            else value.Store(result + column * stride, count);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private V Load<V>(T* source) where V : unmanaged, ISimd<V, T> => count == V.Count ? V.Load(source) : V.Load(source, count);
    }

    private readonly struct Rows<T, TStrip>(T* a, T* b, T* result, int rows, int columns) : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
        where TStrip : struct, IStrip<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            for (nint i = 0; i < rows; i += V.Count)
                default(TStrip).Run<V>(new Strip<T>(a + i, b + i, result + i, rows, columns, (int)nint.Min(rows - i, V.Count)));
        }
    }

    private readonly struct Softmax<T> : IStrip<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Run<V>(Strip<T> strip) where V : unmanaged, ISimd<V, T>
        {
            V greatest = Greatest<T, V>(strip), total = V.Zero;
            for (var j = 0; j < strip.Columns;)
            {
                V sum = V.Zero;
                for (var end = j + Math.Min(Block, strip.Columns - j); j < end; j++)
                {
                    V e = MathFunctions<T>.Exp(strip.A<V>(j) - greatest);
                    strip.Store(j, e);
                    sum += e;
                }

                total += sum;
            }

            V scale = 1 / total;
            for (var j = 0; j < strip.Columns; j++) strip.Store(j, strip.Result<V>(j) * scale);
        }
    }

    private readonly struct SoftmaxGradient<T> : IStrip<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Run<V>(Strip<T> strip) where V : unmanaged, ISimd<V, T>
        {
            V total = V.Zero;
            for (var j = 0; j < strip.Columns;)
            {
                V sum = V.Zero;
                for (var end = j + Math.Min(Block, strip.Columns - j); j < end; j++) sum += strip.A<V>(j) * strip.B<V>(j);
                total += sum;
            }

            for (var j = 0; j < strip.Columns; j++) strip.Store(j, strip.A<V>(j) * (strip.B<V>(j) - total));
        }
    }

    private readonly struct LogSoftmax<T> : IStrip<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Run<V>(Strip<T> strip) where V : unmanaged, ISimd<V, T>
        {
            V greatest = Greatest<T, V>(strip), total = V.Zero;
            for (var j = 0; j < strip.Columns;)
            {
                V sum = V.Zero;
                for (var end = j + Math.Min(Block, strip.Columns - j); j < end; j++) sum += MathFunctions<T>.Exp(strip.A<V>(j) - greatest);
                total += sum;
            }

            // m is taken away first: m + log(S) would round log(S) to the digits of m.
            V log = MathFunctions<T>.Log(total);
            for (var j = 0; j < strip.Columns; j++) strip.Store(j, strip.A<V>(j) - greatest - log);
        }
    }

    private readonly struct LogSoftmaxGradient<T> : IStrip<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Run<V>(Strip<T> strip) where V : unmanaged, ISimd<V, T>
        {
            V total = V.Zero;
            for (var j = 0; j < strip.Columns;)
            {
                V sum = V.Zero;
                for (var end = j + Math.Min(Block, strip.Columns - j); j < end; j++) sum += strip.B<V>(j);
                total += sum;
            }

            for (var j = 0; j < strip.Columns; j++) strip.Store(j, strip.B<V>(j) - MathFunctions<T>.Exp(strip.A<V>(j)) * total);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Greatest<T, V>(Strip<T> strip) where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        V greatest = strip.A<V>(0);
        for (var j = 1; j < strip.Columns; j++) greatest = V.Max(greatest, strip.A<V>(j));
        return greatest;
    }
}

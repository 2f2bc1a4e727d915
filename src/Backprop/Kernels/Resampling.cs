using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>y[p, q] = Σ_h Σ_w a_ph b_qw x[h, w] / divisor, for each channel: averages, enlargements, reductions. Vectors run along the samples, which lie side by side; channels are parts.</summary>
internal static unsafe class Resampling
{
    /// <summary>The output.</summary>
    public static void Forward<T>(ReadOnlySpan<T> x, Span<T> y, ImageShape input, ImageShape output, Windows<T> rows, Windows<T> columns, int? divisor, int samples)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        RequireLengths(x.Length, y.Length, input, output, rows, columns, samples);
        fixed (T* px = x, py = y) Run(px, py, false, input, output, rows, columns, divisor, samples);
    }

    /// <summary>dX[h, w] = Σ_pq a_ph b_qw dY[p, q] / divisor.</summary>
    public static void Backward<T>(ReadOnlySpan<T> dY, Span<T> dX, ImageShape input, ImageShape output, Windows<T> rows, Windows<T> columns, int? divisor, int samples)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        RequireLengths(dX.Length, dY.Length, input, output, rows, columns, samples);
        dX.Clear();
        fixed (T* py = dY, px = dX) Run(px, py, true, input, output, rows, columns, divisor, samples);
    }

    private static void RequireLengths<T>(int x, int y, ImageShape input, ImageShape output, Windows<T> rows, Windows<T> columns, int samples) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustBeMatrix(x, samples, input.Columns);
        Lengths.MustBeMatrix(y, samples, output.Columns);
        Lengths.MustAgree(rows.Count, output.Height);
        Lengths.MustAgree(columns.Count, output.Width);
    }

    private static void Run<T>(T* x, T* y, bool back, ImageShape input, ImageShape output, Windows<T> rows, Windows<T> columns, int? divisor, int samples) where T : unmanaged, IFloatingPointIeee754<T>
    {
        fixed (int* rowFirst = rows.First, rowSources = rows.Sources, rowDivisors = rows.Divisors, columnFirst = columns.First, columnSources = columns.Sources, columnDivisors = columns.Divisors)
        fixed (T* rowWeights = rows.Weights, columnWeights = columns.Weights)
        {
            var work = new Work<T>
            {
                X = x,
                Y = y,
                Back = back,
                RowFirst = rowFirst,
                RowSources = rowSources,
                RowDivisors = rowDivisors,
                ColumnFirst = columnFirst,
                ColumnSources = columnSources,
                ColumnDivisors = columnDivisors,
                RowWeights = rowWeights,
                ColumnWeights = columnWeights,
                Height = input.Height,
                Width = input.Width,
                OutputHeight = output.Height,
                OutputWidth = output.Width,
                Divisor = divisor ?? 0,
                Samples = samples,
                Channels = input.Channels,
            };
            Workers.Run(ref work, Math.Min(input.Channels, Workers.For((long)rows.Sources.Length * columns.Sources.Length * input.Channels * samples)));
        }
    }

    private struct Work<T> : IParts, ISimdKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        public T* X, Y, RowWeights, ColumnWeights;
        public int* RowFirst, RowSources, RowDivisors, ColumnFirst, ColumnSources, ColumnDivisors;
        public bool Back;
        public int Height, Width, OutputHeight, OutputWidth, Divisor, Samples, Channels;
        private int _first, _end;

        readonly void IParts.Run(int part, int parts)
        {
            unchecked
            {
                var work = this;
                (work._first, work._end) = ((int)((long)Channels * part / parts), (int)((long)Channels * (part + 1) / parts));
                if (Samples < 4) work.Run<Scalar<T>>();
                else Dispatch.Run<T, Work<T>>(ref work);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                nint samples = Samples;
                for (var c = _first; c < _end; c++)
                {
                    T* channel = X + (nint)c * Height * Width * samples, y = Y + (nint)c * OutputHeight * OutputWidth * samples;
                    for (var p = 0; p < OutputHeight; p++)
                    {
                        for (var q = 0; q < OutputWidth; q++, y += samples)
                        {
                            var divisor = V.Broadcast(T.CreateTruncating(Divisor != 0 ? Divisor : (long)RowDivisors[p] * ColumnDivisors[q]));
                            for (nint i = 0; i < samples; i += V.Count)
                            {
                                if (Back) AddBack<V>(channel + i, Ends.Load<T, V>(y + i, samples - i) / divisor, p, q, samples - i);
                                else Ends.Store(SumOf<V>(channel + i, p, q, samples - i) / divisor, y + i, samples - i);
                            }
                        }
                    }
                }
            }
        }

        // y[p, q] = Σ_h Σ_w a_ph b_qw x[h, w]
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly V SumOf<V>(T* x, int p, int q, nint left) where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                var sum = V.Zero;
                for (var h = RowFirst[p]; h < RowFirst[p + 1]; h++)
                {
                    for (var w = ColumnFirst[q]; w < ColumnFirst[q + 1]; w++)
                        sum += V.Broadcast(RowWeights[h] * ColumnWeights[w]) * Ends.Load<T, V>(x + ((nint)RowSources[h] * Width + ColumnSources[w]) * Samples, left);
                }

                return sum;
            }
        }

        // dX[h, w] += a_ph b_qw dY[p, q]
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void AddBack<V>(T* dX, V dY, int p, int q, nint left) where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                for (var h = RowFirst[p]; h < RowFirst[p + 1]; h++)
                {
                    for (var w = ColumnFirst[q]; w < ColumnFirst[q + 1]; w++)
                    {
                        var at = dX + ((nint)RowSources[h] * Width + ColumnSources[w]) * Samples;
                        Ends.Store(Ends.Load<T, V>(at, left) + V.Broadcast(RowWeights[h] * ColumnWeights[w]) * dY, at, left);
                    }
                }
            }
        }
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>The largest number in each window of an image, and which it is. Vectors run along the samples, which lie side by side; channels are parts.</summary>
internal static unsafe class MaxPooling
{
    /// <summary>y[p, q] = the largest x[h, w] of the window, and the number of that place in the window; the first of several, the last of what is not a number.</summary>
    public static void Forward<T>(ReadOnlySpan<T> x, Span<T> y, Span<T> places, ImageShape input, ImageShape output, Windows<T> rows, Windows<T> columns, int samples)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        RequireLengths(x.Length, y.Length, places.Length, input, output, rows, columns, samples);
        fixed (T* px = x, py = y, pp = places) Run(px, py, pp, false, input, output, rows, columns, samples);
    }

    /// <summary>dX[h, w] = Σ dY[p, q] of the windows whose largest number x[h, w] was.</summary>
    public static void Backward<T>(ReadOnlySpan<T> dY, ReadOnlySpan<T> places, Span<T> dX, ImageShape input, ImageShape output, Windows<T> rows, Windows<T> columns, int samples)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        RequireLengths(dX.Length, dY.Length, places.Length, input, output, rows, columns, samples);
        dX.Clear();
        fixed (T* px = dX, py = dY, pp = places) Run(px, py, pp, true, input, output, rows, columns, samples);
    }

    private static void RequireLengths<T>(int x, int y, int places, ImageShape input, ImageShape output, Windows<T> rows, Windows<T> columns, int samples) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Lengths.MustBeMatrix(x, samples, input.Columns);
        Lengths.MustBeMatrix(y, samples, output.Columns);
        Lengths.MustAgree(y, places);
        Lengths.MustAgree(rows.Count, output.Height);
        Lengths.MustAgree(columns.Count, output.Width);
    }

    private static void Run<T>(T* x, T* y, T* places, bool back, ImageShape input, ImageShape output, Windows<T> rows, Windows<T> columns, int samples) where T : unmanaged, IFloatingPointIeee754<T>
    {
        fixed (int* rowFirst = rows.First, rowSources = rows.Sources, columnFirst = columns.First, columnSources = columns.Sources)
        {
            var work = new Work<T>
            {
                X = x,
                Y = y,
                Places = places,
                Back = back,
                RowFirst = rowFirst,
                RowSources = rowSources,
                ColumnFirst = columnFirst,
                ColumnSources = columnSources,
                Height = input.Height,
                Width = input.Width,
                OutputHeight = output.Height,
                OutputWidth = output.Width,
                Samples = samples,
                Channels = input.Channels,
            };
            Workers.Run(ref work, Math.Min(input.Channels, Workers.For((long)rows.Sources.Length * columns.Sources.Length * input.Channels * samples)));
        }
    }

    private struct Work<T> : IParts, ISimdKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        public T* X, Y, Places;
        public int* RowFirst, RowSources, ColumnFirst, ColumnSources;
        public bool Back;
        public int Height, Width, OutputHeight, OutputWidth, Samples, Channels;
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
                    var channel = X + (nint)c * Height * Width * samples;
                    var at = (nint)c * OutputHeight * OutputWidth * samples;
                    for (var p = 0; p < OutputHeight; p++)
                    {
                        for (var q = 0; q < OutputWidth; q++, at += samples)
                        {
                            for (nint i = 0; i < samples; i += V.Count)
                            {
                                if (Back) Return<V>(channel + i, Ends.Load<T, V>(Y + at + i, samples - i), Ends.Load<T, V>(Places + at + i, samples - i), p, q, samples - i);
                                else Take<V>(channel + i, Y + at + i, Places + at + i, p, q, samples - i);
                            }
                        }
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Take<V>(T* x, T* y, T* places, int p, int q, nint left) where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                V largest = V.Broadcast(T.NegativeInfinity), place = V.Zero;
                var number = 0;
                for (var h = RowFirst[p]; h < RowFirst[p + 1]; h++)
                {
                    for (var w = ColumnFirst[q]; w < ColumnFirst[q + 1]; w++, number++)
                    {
                        var value = Ends.Load<T, V>(x + ((nint)RowSources[h] * Width + ColumnSources[w]) * Samples, left);
                        var larger = (value > largest) | V.IsNaN(value);
                        largest = V.Select(larger, value, largest);
                        place = V.Select(larger, V.Broadcast(T.CreateTruncating(number)), place);
                    }
                }

                Ends.Store(largest, y, left);
                Ends.Store(place, places, left);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Return<V>(T* dX, V dY, V places, int p, int q, nint left) where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                var number = 0;
                for (var h = RowFirst[p]; h < RowFirst[p + 1]; h++)
                {
                    for (var w = ColumnFirst[q]; w < ColumnFirst[q + 1]; w++, number++)
                    {
                        var at = dX + ((nint)RowSources[h] * Width + ColumnSources[w]) * Samples;
                        Ends.Store(Ends.Load<T, V>(at, left) + V.Select(V.Equal(places, V.Broadcast(T.CreateTruncating(number))), dY, V.Zero), at, left);
                    }
                }
            }
        }
    }
}

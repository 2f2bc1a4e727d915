using System.Numerics;
using Backprop.Checks;

namespace Backprop.Kernels;

/// <summary>Along one side of an image, for each place of the output: which places of the input it is made of, with which weights, and what its sum is divided by.</summary>
internal sealed class Windows<T> : IImmutable where T : unmanaged, IFloatingPointIeee754<T>
{
    private Windows(int count) => (First, Divisors) = (new int[count + 1], new int[count]);

    /// <summary>Where the places of each output begin in <see cref="Sources"/>; the last is the end.</summary>
    public int[] First { get; }

    /// <summary>Places of the input.</summary>
    public int[] Sources { get; private set; } = [];

    /// <summary>Their weights.</summary>
    public T[] Weights { get; private set; } = [];

    /// <summary>What the sum of each output is divided by.</summary>
    public int[] Divisors { get; }

    /// <summary>Places of the output.</summary>
    public int Count => Divisors.Length;

    /// <summary>A window of a fixed size that moves on by the stride; what lies outside of the input is left out. It counts in the divisor where <paramref name="countPadding"/> says so.</summary>
    public static Windows<T> Moving(int size, int outputs, int kernel, int stride, int padding, int dilation, bool countPadding)
    {
        var windows = new Windows<T>(outputs);
        var places = new List<int>();
        for (var p = 0; p < outputs; p++)
        {
            var start = p * stride - padding;
            for (var u = 0; u < kernel; u++)
                if (start + u * dilation is var at && at >= 0 && at < size) places.Add(at);
            windows.First[p + 1] = places.Count;
            windows.Divisors[p] = countPadding ? Math.Min(start + kernel, size + padding) - start : places.Count - windows.First[p];
        }

        return windows.With(places);
    }

    /// <summary>As many windows as there are outputs, of sizes as equal as can be: from ⌊p size / outputs⌋ to ⌈(p + 1) size / outputs⌉.</summary>
    public static Windows<T> Adaptive(int size, int outputs)
    {
        var windows = new Windows<T>(outputs);
        var places = new List<int>();
        for (var p = 0; p < outputs; p++)
        {
            int start = (int)((long)p * size / outputs), end = (int)(((p + 1L) * size + outputs - 1) / outputs);
            for (var at = start; at < end; at++) places.Add(at);
            (windows.First[p + 1], windows.Divisors[p]) = (places.Count, end - start);
        }

        return windows.With(places);
    }

    /// <summary>The place that is nearest: ⌊p size / outputs⌋.</summary>
    public static Windows<T> Nearest(int size, int outputs)
    {
        var windows = new Windows<T>(outputs);
        var places = new List<int>();
        // PyTorch multiplies floats, whatever the type of the image.
        var scale = (float)size / outputs;
        for (var p = 0; p < outputs; p++)
        {
            places.Add(Math.Min((int)MathF.Floor(p * scale), size - 1));
            (windows.First[p + 1], windows.Divisors[p]) = (p + 1, 1);
        }

        return windows.With(places);
    }

    /// <summary>The two places between which the output's lies, each the more the nearer it is.</summary>
    public static Windows<T> Linear(int size, int outputs, bool alignCorners)
    {
        var windows = new Windows<T>(outputs);
        var places = new List<int>();
        var weights = new List<T>();
        T half = T.CreateChecked(0.5), scale = alignCorners
            ? outputs > 1 ? T.CreateChecked(size - 1) / T.CreateChecked(outputs - 1) : T.Zero
            : T.CreateChecked(size) / T.CreateChecked(outputs);
        for (var p = 0; p < outputs; p++)
        {
            var at = alignCorners ? scale * T.CreateChecked(p) : T.Max(T.Zero, scale * (T.CreateChecked(p) + half) - half);
            var before = Math.Min(int.CreateTruncating(at), size - 1);
            var share = T.Clamp(at - T.CreateChecked(before), T.Zero, T.One);
            places.Add(before);
            places.Add(Math.Min(before + 1, size - 1));
            weights.Add(T.One - share);
            weights.Add(share);
            (windows.First[p + 1], windows.Divisors[p]) = (places.Count, 1);
        }

        windows.With(places).Weights = [.. weights];
        return windows;
    }

    private Windows<T> With(List<int> places)
    {
        Sources = [.. places];
        Weights = new T[places.Count];
        Array.Fill(Weights, T.One);
        return this;
    }
}

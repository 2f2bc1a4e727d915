using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Kernels;

/// <summary>The one place where entries are checked and where it is said what is wrong with them.</summary>
internal static unsafe class Values
{
    /// <summary>Every entry in [0, 1]; NaN may flow, unless it is refused.</summary>
    internal static void Probabilities<T>(object owner, Matrix<T> x, string parameter, bool refuseNaN = false) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var i = IndexOutside(x.Span(), T.Zero, T.One, refuseNaN);
        if (i >= 0) throw new ArgumentOutOfRangeException(parameter, $"{owner} expects probabilities, from 0 to 1, but {Entry(x, i, parameter)}.");
    }

    /// <summary>An entry in words: <c>x has -0.5 in row 2, column 0</c>.</summary>
    internal static string Entry<T>(Matrix<T> x, int i, string name) where T : unmanaged, IFloatingPointIeee754<T> =>
        string.Create(CultureInfo.InvariantCulture, $"{name} has {x.Span()[i]} in row {i % x.RowCount}, column {i / x.RowCount}");

    /// <summary>Where the first entry outside an interval lies, or -1.</summary>
    internal static int IndexOutside<T>(ReadOnlySpan<T> x, T least, T most, bool refuseNaN = false) where T : unmanaged, IFloatingPointIeee754<T>
    {
        fixed (T* px = x)
        {
            var kernel = new AllWithin<T>(px, x.Length, least, most);
            Simd.Run<T, AllWithin<T>>(ref kernel);
            if (kernel.Result) return -1;
        }

        for (var i = 0; i < x.Length; i++)
            if (x[i] < least || x[i] > most || (refuseNaN && T.IsNaN(x[i]))) return i;
        return -1;
    }

    /// <summary>An option that is a list, as a text; null where there is none.</summary>
    internal static string? Text<T>(string name, IReadOnlyList<T>? values) where T : unmanaged, IFloatingPointIeee754<T> => values switch
    {
        null => null,
        { Count: <= 4 } => $"{name}: [{string.Join(", ", values.Select(value => value.ToString(null, CultureInfo.InvariantCulture)))}]",
        _ => $"{name}: [{values.Count} weights]",
    };

    private struct AllWithin<T>(T* x, int length, T least, T most) : ISimdKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        /// <summary>Whether all are within; a NaN is not.</summary>
        public bool Result { get; private set; }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            V low = V.Broadcast(least), high = V.Broadcast(most), within = ~V.Zero;
            var i = 0;
            for (; i <= length - V.Count; i += V.Count)
            {
                var v = V.Load(x + i);
                within &= (v >= low) & (v <= high);
            }

            Result = V.Max(V.Select(within, 0, 1)) == T.Zero;
            for (; i < length; i++) Result &= x[i] >= least && x[i] <= most;
        }
    }
}

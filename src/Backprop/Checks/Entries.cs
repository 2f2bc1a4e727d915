using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Checks;

/// <summary>Checks of a matrix's entries.</summary>
internal static class Entries
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
        if (Reductions.Sum(new Outside<T>(least, most), x) == T.Zero) return -1;
        for (var i = 0; i < x.Length; i++)
            if (x[i] < least || x[i] > most || (refuseNaN && T.IsNaN(x[i]))) return i;
        return -1;
    }

    /// <summary>An option that is a list, as a text; empty where there is none.</summary>
    internal static string Text<T>(string name, IReadOnlyList<T>? values) where T : unmanaged, IFloatingPointIeee754<T> => values switch
    {
        null => "",
        { Count: <= 4 } => $"{name}: [{string.Join(", ", values.Select(value => value.ToString(null, CultureInfo.InvariantCulture)))}]",
        _ => $"{name}: [{values.Count} weights]",
    };

    /// <summary>1 where x lies outside or is NaN, else 0.</summary>
    private readonly struct Outside<T>(T least, T most) : IUnary<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => V.Select((x >= V.Broadcast(least)) & (x <= V.Broadcast(most)), 0, 1);
    }
}

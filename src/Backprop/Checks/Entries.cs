using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Checks of entries, for losses and layers that do not take every number.</summary>
public static class Entries
{
    /// <summary>Every entry in [0, 1]; NaN may flow, unless it is refused.</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="x">The matrix; dense.</param>
    /// <param name="parameter">Which argument it is.</param>
    /// <param name="refuseNaN">Whether NaN is refused, too.</param>
    /// <exception cref="ArgumentOutOfRangeException">An entry is none.</exception>
    public static void Probabilities<T>(object owner, Matrix<T> x, string parameter, bool refuseNaN = false) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var i = IndexOutside(x.Span(), T.Zero, T.One, refuseNaN);
        if (i >= 0) throw new ArgumentOutOfRangeException(parameter, $"{owner} expects probabilities, from 0 to 1, but {Entry(x, i, parameter)}.");
    }

    /// <summary>An entry in words: <c>x has -0.5 in row 2, column 0</c>.</summary>
    /// <param name="x">The matrix; dense.</param>
    /// <param name="i">The entry's number, column after column.</param>
    /// <param name="name">Which argument the matrix is.</param>
    public static string Entry<T>(Matrix<T> x, int i, string name) where T : unmanaged, IFloatingPointIeee754<T> =>
        string.Create(CultureInfo.InvariantCulture, $"{name} has {x.Span()[i]} in row {i % x.RowCount}, column {i / x.RowCount}");

    /// <summary>Where the first entry outside an interval lies, or -1.</summary>
    /// <param name="x">The entries.</param>
    /// <param name="least">The interval's lower end, inside.</param>
    /// <param name="most">Its upper end, inside.</param>
    /// <param name="refuseNaN">Whether NaN is outside.</param>
    public static int IndexOutside<T>(ReadOnlySpan<T> x, T least, T most, bool refuseNaN = false) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (Reductions.Sum(new Outside<T>(least, most), x) == 0) return -1;
        for (var i = 0; i < x.Length; i++)
            if (x[i] < least || x[i] > most || (refuseNaN && T.IsNaN(x[i]))) return i;
        return -1;
    }

    /// <summary>A copy of weights, none of which is negative, infinite or NaN; null where there are none.</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="weights">The weights.</param>
    /// <param name="parameter">Which argument they are.</param>
    /// <exception cref="ArgumentException">There are weights, but no single one.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A weight is negative or not finite.</exception>
    public static T[]? Weights<T>(string owner, MathNet.Numerics.LinearAlgebra.Vector<T>? weights, [CallerArgumentExpression(nameof(weights))] string parameter = "") where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (weights is null) return null;
        if (weights.Count == 0) throw new ArgumentException($"{owner} expects {parameter} to hold at least one weight, but it is empty.", parameter);
        for (var i = 0; i < weights.Count; i++)
            if (!(weights[i] >= T.Zero && T.IsFinite(weights[i])))
                throw new ArgumentOutOfRangeException(parameter, string.Create(CultureInfo.InvariantCulture, $"{owner} expects weights that are finite and at least 0, but {parameter} has {weights[i]} at {i}."));
        return weights.ToArray();
    }

    /// <summary>An option that is a list, as a text; empty where there is none.</summary>
    /// <param name="name">The option's name.</param>
    /// <param name="values">The list.</param>
    public static string Text<T>(string name, IReadOnlyList<T>? values) where T : unmanaged, IFloatingPointIeee754<T> => values switch
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

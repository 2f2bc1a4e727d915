using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Comparisons of entries, bit for bit: NaN is what it is, and -0 is not 0.</summary>
internal static class Bits
{
    public static bool Same<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b) where T : unmanaged => MemoryMarshal.AsBytes(a).SequenceEqual(MemoryMarshal.AsBytes(b));

    public static bool Same<T>(Matrix<T> a, Matrix<T> b) where T : unmanaged, IFloatingPointIeee754<T> => Same<T>(a.Span(), b.Span());

    /// <summary>The first entry that differs, in words: <c>the entry (0, 2) is 1.5, and then 2.5</c>.</summary>
    public static string Difference<T>(Matrix<T> a, Matrix<T> b) where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (var i = 0; i < a.Span().Length; i++)
            if (!Same<T>(a.Span().Slice(i, 1), b.Span().Slice(i, 1)))
                return string.Create(CultureInfo.InvariantCulture, $"the entry ({i % a.RowCount}, {i / a.RowCount}) is {a.Span()[i]:G10}, and then {b.Span()[i]:G10}");
        return "no entry differs";
    }
}

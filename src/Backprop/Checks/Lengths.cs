using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Backprop.Checks;

/// <summary>Kernels read and write through pointers: lengths that do not agree must never reach them.</summary>
/// <remarks>A comparison each, inlined; what is thrown stands apart. Sizes are multiplied as <see cref="long"/>: two of them cannot wrap.</remarks>
internal static class Lengths
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MustAgree(long first, long second)
    {
        if (first != second) Throw(first, second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MustAgree(long first, long second, long third)
    {
        MustAgree(first, second);
        MustAgree(first, third);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MustAgree(long first, long second, long third, long fourth)
    {
        MustAgree(first, second, third);
        MustAgree(first, fourth);
    }

    /// <summary>An operand that is left out where it is empty.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MustAgreeOrBeEmpty(int length, int expected)
    {
        if (length != 0) MustAgree(length, expected);
    }

    /// <summary>A matrix's entries: rows times columns of them, and neither is negative.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MustBeMatrix(int length, int rows, int columns)
    {
        if ((rows | columns) < 0 || length != (long)rows * columns) ThrowMatrix(length, rows, columns);
    }

    /// <summary>A matrix that is left out where it is empty.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MustBeMatrixOrEmpty(int length, int rows, int columns)
    {
        if (length != 0) MustBeMatrix(length, rows, columns);
    }

    /// <summary>Some neighbouring rows of a matrix, whose columns are <paramref name="stride"/> entries apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MustHoldRows(int length, int rows, int columns, int stride)
    {
        if (columns < 0 || rows > stride || (rows > 0 && columns > 0 && length < (columns - 1L) * stride + rows)) ThrowRows(length, rows, columns, stride);
    }

    /// <summary>Rows one after the other, <paramref name="stride"/> entries apart: whole ones, or the last as far as it has columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MustBeRows(int length, int rows, int columns, int stride)
    {
        if ((rows | columns) < 0 || columns > stride || (rows > 0 && length < (rows - 1L) * stride + columns)) ThrowRows(length, columns, rows, stride);
    }

    /// <summary>At least so many elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MustHold(int length, int count)
    {
        if (length < count) ThrowFew(length, count);
    }

    [DoesNotReturn]
    private static void Throw(long first, long second) => throw new ArgumentException($"The spans must agree in length, but have {first} and {second} elements.");

    [DoesNotReturn]
    private static void ThrowMatrix(int length, int rows, int columns) => throw new ArgumentException($"A {rows}x{columns} matrix must have as many elements, but the span has {length}.");

    [DoesNotReturn]
    private static void ThrowRows(int length, int rows, int columns, int stride) =>
        throw new ArgumentException($"{rows} rows of {columns} columns, each {stride} elements after the one before, must lie in the span, but it has {length} elements.");

    [DoesNotReturn]
    private static void ThrowFew(int length, int count) => throw new ArgumentException($"The span must have at least {count} elements, but has {length}.");
}

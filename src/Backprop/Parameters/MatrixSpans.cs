using System.Runtime.CompilerServices;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Storage;

namespace Backprop;

/// <summary>The entries of matrices as spans, for authors of layers and losses.</summary>
public static class MatrixSpans
{
    /// <summary>The entries of a dense matrix, column after column; writing changes the matrix. What a pass hands to a layer is dense.</summary>
    /// <param name="x">The matrix.</param>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not dense.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Span<T> Span<T>(this Matrix<T> x) where T : struct, IEquatable<T>, IFormattable =>
        x.Entries() ?? Operand.Dense("Span", x!, nameof(x));

    /// <summary>The entries of a dense matrix; null where it is not dense, or null itself.</summary>
    // MathNet's storage is not sealed, but only MathNet can subclass it, and does not: to compare the type is the same as to ask "is", and needs no call.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T[]? Entries<T>(this Matrix<T>? x) where T : struct, IEquatable<T>, IFormattable =>
        x?.Storage is { } storage && storage.GetType() == typeof(DenseColumnMajorMatrixStorage<T>) ? Unsafe.As<DenseColumnMajorMatrixStorage<T>>(storage).Data : null;
}

using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Inputs and their targets, a row for each sample.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Samples<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Takes inputs and targets by reference.</summary>
    /// <param name="x">Inputs, a row each; dense, at least one.</param>
    /// <param name="y">Targets, a row each; dense, with as many rows.</param>
    /// <exception cref="ArgumentNullException">A matrix is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, their rows differ, or there are none.</exception>
    public Samples(Matrix<T> x, Matrix<T> y)
    {
        Element.Require<T>();
        Operand.Dense("Samples", x, nameof(x));
        Operand.Dense("Samples", y, nameof(y));
        if (x.RowCount != y.RowCount)
            throw new ArgumentException($"Samples expects a target for each input, but x is {Operand.Shape(x)} and y is {Operand.Shape(y)}.", nameof(y));
        if (x.RowCount == 0) throw new ArgumentException($"Samples expects at least one sample, but x is {Operand.Shape(x)}.", nameof(x));
        (X, Y) = (x, y);
    }

    /// <summary>Inputs, a row each.</summary>
    public Matrix<T> X { get; }

    /// <summary>Targets, a row each.</summary>
    public Matrix<T> Y { get; }

    /// <summary>How many samples there are.</summary>
    public int Count => X.RowCount;

    /// <summary>Splits the samples in two, at random: one part to train with, one to hold back. Both are copies.</summary>
    /// <param name="heldBack">The share of the second part, above 0 and below 1; rounded to whole samples, at least one on each side.</param>
    /// <param name="generator">Draws an order by <c>torch.randperm</c>'s rule: the first of it are held back.</param>
    /// <exception cref="ArgumentNullException"><paramref name="generator"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="heldBack"/> is not between 0 and 1.</exception>
    /// <exception cref="InvalidOperationException">There is but one sample.</exception>
    public (Samples<T> Training, Samples<T> HeldBack) Split(double heldBack, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(generator);
        Expect.That(heldBack is > 0 and < 1, "Samples", heldBack, "above 0 and below 1");
        if (Count < 2) throw new InvalidOperationException($"Samples expects at least 2 samples to split, but there is {Count}.");
        var order = generator.Permutation(Count);
        var count = Math.Clamp((int)Math.Round(heldBack * Count), 1, Count - 1);
        return (Rows(order.AsSpan(count)), Rows(order.AsSpan(0, count)));
    }

    /// <summary>Copies rows in the order given, one column after the other.</summary>
    internal static Matrix<T> Gather(Matrix<T> from, ReadOnlySpan<int> rows, Matrix<T> to)
    {
        Span<T> source = from.Span(), target = to.Span();
        for (var j = 0; j < from.ColumnCount; j++)
        {
            ReadOnlySpan<T> column = source.Slice(j * from.RowCount, from.RowCount);
            var result = target.Slice(j * rows.Length, rows.Length);
            for (var i = 0; i < rows.Length; i++) result[i] = column[rows[i]];
        }

        return to;
    }

    /// <summary>Copies consecutive rows, as many as there is room for.</summary>
    internal static Matrix<T> Slice(Matrix<T> from, int first, Matrix<T> to)
    {
        for (var j = 0; j < from.ColumnCount; j++)
            from.Span().Slice(j * from.RowCount + first, to.RowCount).CopyTo(to.Span()[(j * to.RowCount)..]);
        return to;
    }

    /// <summary>Says which samples these are: their shapes, and a hash that other values would not have. Found once, since it takes a look at all of them.</summary>
    internal string Fingerprint => field ??= Hash();

    private string Hash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var matrix in (Matrix<T>[])[X, Y])
            for (ReadOnlySpan<T> rest = matrix.Span(); !rest.IsEmpty; rest = rest[Math.Min(rest.Length, 1 << 20)..])
                hash.AppendData(MemoryMarshal.AsBytes(rest[..Math.Min(rest.Length, 1 << 20)]));
        return $"{Operand.Shape(X)} -> {Operand.Shape(Y)}, {Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8))}";
    }

    private Samples<T> Rows(ReadOnlySpan<int> rows) => new(
        Gather(X, rows, Matrix<T>.Build.Dense(rows.Length, X.ColumnCount)),
        Gather(Y, rows, Matrix<T>.Build.Dense(rows.Length, Y.ColumnCount)));
}

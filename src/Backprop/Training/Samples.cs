using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Inputs and their targets, a row for each sample.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Samples<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Takes inputs and targets by reference.</summary>
    /// <param name="x">Inputs, a row each; dense.</param>
    /// <param name="y">Targets, a row each; dense, with as many rows.</param>
    /// <exception cref="ArgumentNullException">A matrix is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, or their rows differ.</exception>
    public Samples(Matrix<T> x, Matrix<T> y)
    {
        Element.Require<T>();
        Shape.Dense("Samples", x, nameof(x));
        Shape.Dense("Samples", y, nameof(y));
        if (x.RowCount != y.RowCount)
            throw new ArgumentException($"Samples expects a target for each input, but x is {Shape.Of(x)} and y is {Shape.Of(y)}.", nameof(y));
        (X, Y) = (x, y);
    }

    /// <summary>Inputs, a row each.</summary>
    public Matrix<T> X { get; }

    /// <summary>Targets, a row each.</summary>
    public Matrix<T> Y { get; }

    /// <summary>How many samples there are.</summary>
    public int Count => X.RowCount;

    /// <summary>Splits the samples in two, at random: one part to train with, one to hold back.</summary>
    /// <param name="heldBack">The share of the second part, above 0 and below 1; rounded to whole samples, at least one on each side.</param>
    /// <param name="generator">Draws who goes where, by <c>torch.randperm</c>'s rule: the first of its order are held back.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="heldBack"/> is not between 0 and 1.</exception>
    /// <exception cref="InvalidOperationException">There are fewer than two samples.</exception>
    public (Samples<T> Training, Samples<T> HeldBack) Split(double heldBack, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(generator);
        Expect.That(heldBack is > 0 and < 1, "Samples", heldBack, "above 0 and below 1");
        if (Count < 2) throw new InvalidOperationException($"Samples expects at least 2 samples to split, but there is {Count}.");
        var order = generator.Permutation(Count);
        var count = Math.Clamp((int)Math.Round(heldBack * Count), 1, Count - 1);
        return (Rows(order.AsSpan(count)), Rows(order.AsSpan(0, count)));
    }

    private Samples<T> Rows(ReadOnlySpan<int> rows) => new(Rows(X, rows), Rows(Y, rows));

    private static Matrix<T> Rows(Matrix<T> from, ReadOnlySpan<int> rows)
    {
        var to = Matrix<T>.Build.Dense(rows.Length, from.ColumnCount);
        for (var j = 0; j < from.ColumnCount; j++)
            for (var i = 0; i < rows.Length; i++) to[i, j] = from[rows[i], j];
        return to;
    }
}

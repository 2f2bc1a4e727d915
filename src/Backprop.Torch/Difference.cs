using MathNet.Numerics.LinearAlgebra;
using static TorchSharp.torch;

namespace Backprop.Torch;

/// <summary>How far our numbers lie from someone else's, entry by entry: PyTorch's tensor, or a matrix from anywhere.</summary>
/// <remarks>
/// Two NaNs count as equal, and so do two infinities of the same sign. A NaN or an infinity beside anything else
/// is an infinite difference.
/// </remarks>
/// <example>
/// <code>
/// Difference difference = Difference.Between(linear.Weight.Gradient, weight.grad!);
/// Console.WriteLine(difference.IsWithinTolerance ? "equal" : difference.ToString());
/// </code>
/// </example>
public readonly record struct Difference
{
    /// <summary>The largest |ours - theirs|.</summary>
    public required double Absolute { get; init; }

    /// <summary>The largest |ours - theirs| / |theirs|; infinite where theirs is 0 and ours is not.</summary>
    public required double Relative { get; init; }

    /// <summary>The largest |ours - theirs| as a share of what the tolerance allows there: 1 is just within it.</summary>
    public required double ShareOfTolerance { get; init; }

    /// <summary>The row of the worst entry, the one with the largest <see cref="ShareOfTolerance"/>; a vector's index.</summary>
    public required int Row { get; init; }

    /// <summary>The column of the worst entry; 0 in a vector.</summary>
    public required int Column { get; init; }

    /// <summary>Our value of the worst entry.</summary>
    public required double Ours { get; init; }

    /// <summary>Their value of the worst entry.</summary>
    public required double Theirs { get; init; }

    /// <summary>Whether every entry is within the tolerance.</summary>
    public bool IsWithinTolerance => ShareOfTolerance <= 1;

    /// <summary>Compares a matrix with a tensor [rows, columns].</summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="ours">Our values.</param>
    /// <param name="theirs">The values to compare with.</param>
    /// <param name="tolerance">The difference that is allowed; <see cref="Tolerance.Of{T}"/> if not given.</param>
    /// <returns>The largest differences and the worst entry; all 0 if there are no entries.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The shapes differ, or the tensor's element type is not <typeparamref name="T"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The tolerance is negative or NaN.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is neither float nor double.</exception>
    public static Difference Between<T>(Matrix<T> ours, Tensor theirs, Tolerance? tolerance = null)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(ours);
        ArgumentNullException.ThrowIfNull(theirs);
        return Between(ours, theirs.ToMatrix<T>(), tolerance);
    }

    /// <summary>Compares a vector with a tensor [count].</summary>
    /// <inheritdoc cref="Between{T}(Matrix{T}, Tensor, Tolerance?)"/>
    public static Difference Between<T>(Vector<T> ours, Tensor theirs, Tolerance? tolerance = null)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(ours);
        ArgumentNullException.ThrowIfNull(theirs);
        return Between(ours, theirs.ToVector<T>(), tolerance);
    }

    /// <summary>Compares a number, such as a loss, with a tensor of one element.</summary>
    /// <inheritdoc cref="Between{T}(Matrix{T}, Tensor, Tolerance?)"/>
    public static Difference Between<T>(T ours, Tensor theirs, Tolerance? tolerance = null)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(theirs);
        using Tensor flat = theirs.reshape(-1);
        return Between(Vector<T>.Build.Dense(1, ours), flat.ToVector<T>(), tolerance);
    }

    /// <summary>Compares a matrix with another one.</summary>
    /// <inheritdoc cref="Between{T}(Matrix{T}, Tensor, Tolerance?)"/>
    public static Difference Between<T>(Matrix<T> ours, Matrix<T> theirs, Tolerance? tolerance = null)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(ours);
        ArgumentNullException.ThrowIfNull(theirs);
        if (ours.RowCount != theirs.RowCount || ours.ColumnCount != theirs.ColumnCount)
            throw new ArgumentException($"A comparison expects two matrices of the same shape, but ours is {ours.RowCount}x{ours.ColumnCount} and theirs is {theirs.RowCount}x{theirs.ColumnCount}.", nameof(theirs));
        return Worst<T>(ours.AsColumnMajorArray() ?? ours.ToColumnMajorArray(), theirs.AsColumnMajorArray() ?? theirs.ToColumnMajorArray(), ours.RowCount, tolerance);
    }

    /// <summary>Compares a vector with another one.</summary>
    /// <inheritdoc cref="Between{T}(Matrix{T}, Tensor, Tolerance?)"/>
    public static Difference Between<T>(Vector<T> ours, Vector<T> theirs, Tolerance? tolerance = null)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(ours);
        ArgumentNullException.ThrowIfNull(theirs);
        if (ours.Count != theirs.Count)
            throw new ArgumentException($"A comparison expects two vectors of the same length, but ours has {ours.Count} entries and theirs has {theirs.Count}.", nameof(theirs));
        return Worst<T>(ours.AsArray() ?? ours.ToArray(), theirs.AsArray() ?? theirs.ToArray(), ours.Count, tolerance);
    }

    /// <summary>The largest differences, and the worst entry in words.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"largest difference {Absolute:g3}, relative {Relative:g3}, {ShareOfTolerance:g3} of what is allowed; worst at [{Row}, {Column}]: ours {Ours:r}, theirs {Theirs:r}");

    private static Difference Worst<T>(ReadOnlySpan<T> ours, ReadOnlySpan<T> theirs, int rows, Tolerance? tolerance)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        Tolerance allowed = tolerance ?? Tolerance.Of<T>();
        if (!(allowed.Absolute >= 0 && allowed.Relative >= 0))
            throw new ArgumentOutOfRangeException(nameof(tolerance), allowed, "A tolerance is not negative and not NaN.");
        double absolute = 0, relative = 0, share = 0;
        int worst = 0;
        for (int i = 0; i < ours.Length; i++)
        {
            double a = double.CreateChecked(ours[i]), b = double.CreateChecked(theirs[i]);
            if (a == b || (double.IsNaN(a) && double.IsNaN(b)))
                continue;
            bool finite = double.IsFinite(a) && double.IsFinite(b);
            double difference = finite ? Math.Abs(a - b) : double.PositiveInfinity;
            absolute = Math.Max(absolute, difference);
            relative = Math.Max(relative, finite ? difference / Math.Abs(b) : double.PositiveInfinity);
            double part = finite ? difference / allowed.Around(b) : double.PositiveInfinity;
            if (part > share)
                (share, worst) = (part, i);
        }
        return ours.IsEmpty
            ? default
            : new()
            {
                Absolute = absolute,
                Relative = relative,
                ShareOfTolerance = share,
                Row = worst % rows,
                Column = worst / rows,
                Ours = double.CreateChecked(ours[worst]),
                Theirs = double.CreateChecked(theirs[worst]),
            };
    }
}

using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests.Frame;

/// <summary>A layer that returns whatever it is told to, forward and backward. Well-behaved, it is the identity.</summary>
internal sealed class Hostile<T>(Func<Matrix<T>, Matrix<T>?>? forward = null, Func<Matrix<T>, Matrix<T>?>? backward = null, Func<int, int>? columns = null) : Layer<T>
    where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    public override int OutputColumns(int inputColumns) => columns?.Invoke(inputColumns) ?? inputColumns;

    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass) => (forward is null ? x : forward(x))!;

    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY) => backward is null ? dY : backward(dY);

    /// <summary>What no layer may return for a matrix of this shape, each with how a message says it.</summary>
    public static IEnumerable<(string Words, Func<Matrix<T>, Matrix<T>?> Return)> Misdeeds()
    {
        yield return ("null", _ => null);
        yield return ("SparseMatrix", x => Matrix<T>.Build.Sparse(x.RowCount, x.ColumnCount));
        yield return ("DiagonalMatrix", x => Matrix<T>.Build.Diagonal(x.RowCount, x.ColumnCount));
        yield return ("a 3x2 matrix", x => Matrix<T>.Build.Dense(x.RowCount, x.ColumnCount - 2));
        yield return ("a 3x6 matrix", x => Matrix<T>.Build.Dense(x.RowCount, x.ColumnCount + 2));
        yield return ("a 2x4 matrix", x => Matrix<T>.Build.Dense(x.RowCount - 1, x.ColumnCount));
        yield return ("a 5x4 matrix", x => Matrix<T>.Build.Dense(x.RowCount + 2, x.ColumnCount));
        yield return ("a 4x3 matrix", x => x.Transpose());
        yield return ("a 0x0 matrix", _ => Matrix<T>.Build.Dense(0, 0));
    }
}

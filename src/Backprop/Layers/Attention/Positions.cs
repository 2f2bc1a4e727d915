using System.Numerics;
using Backprop.Checks;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Adds row t of a table to step t of each sequence.</summary>
internal static class Positions
{
    /// <summary>y = x + P, with a row of P for each step.</summary>
    /// <exception cref="ArgumentException">A sequence goes on by other rows than its next steps.</exception>
    public static Matrix<T> Add<T>(Matrix<T> x, SequencePass<T> pass, ReadOnlySpan<T> table) where T : unmanaged, IFloatingPointIeee754<T>
    {
        pass.RequireNext(x.RowCount);
        var (sequences, steps) = SequenceRows.Of(x.RowCount, pass.MaxSteps);
        var y = pass.NewOutput(x.RowCount, x.ColumnCount);
        OverTime.AddTable(x.Span(), table[pass.Past..], y.Span(), sequences, steps, x.ColumnCount, pass.MaxSteps);
        return y;
    }

    /// <summary>dP += the sum over the sequences of dY.</summary>
    public static void AddGradient<T>(Matrix<T> dY, int maxSteps, Span<T> gradient) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (sequences, steps) = SequenceRows.Of(dY.RowCount, maxSteps);
        OverTime.AddToTable(dY.Span(), gradient, sequences, steps, dY.ColumnCount, maxSteps);
    }
}

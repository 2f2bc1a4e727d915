using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Playground;

/// <summary>Samples: a row of features each, and a number or a class.</summary>
/// <param name="X">The features.</param>
/// <param name="Y">The targets, one column: numbers, or classes from 0.</param>
/// <param name="Classes">How many classes there are; 0 where the targets are numbers.</param>
internal sealed record Points(Matrix<double> X, Matrix<double> Y, int Classes)
{
    public int Count => X.RowCount;

    public int Inputs => X.ColumnCount;

    /// <summary>These points and one more.</summary>
    public Points With(double[] x, double y) => new(X.InsertRow(Count, Vector<double>.Build.Dense(x)), Y.InsertRow(Count, Vector<double>.Build.Dense(1, y)), Classes);

    /// <summary>These points but for one.</summary>
    public Points Without(int row) => new(X.RemoveRow(row), Y.RemoveRow(row), Classes);

    /// <summary>These points with one number changed.</summary>
    /// <param name="row">Which point.</param>
    /// <param name="column">Which feature; behind them the target.</param>
    /// <param name="value">What it becomes.</param>
    public Points With(int row, int column, double value)
    {
        var (x, y) = (X.Clone(), Y.Clone());
        if (column < Inputs) x[row, column] = value;
        else y[row, 0] = value;
        return new(x, y, Classes);
    }
}

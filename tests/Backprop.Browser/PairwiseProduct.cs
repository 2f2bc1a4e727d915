using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Browser;

/// <summary>A user's layer, which nothing explains: y_k = x_2k x_(2k+1).</summary>
internal sealed class PairwiseProduct : Layer<double>
{
    public override string Formula => "y_k = x_2k x_(2k+1)";

    public override string Derivative => "dX_2k = dY_k x_(2k+1), dX_(2k+1) = dY_k x_2k";

    public override int OutputColumns(int inputColumns) => inputColumns / 2;

    protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass)
    {
        var y = pass.NewOutput(x.RowCount, x.ColumnCount / 2);
        for (var k = 0; k < y.ColumnCount; k++)
            for (var i = 0; i < y.RowCount; i++) y[i, k] = x[i, 2 * k] * x[i, 2 * k + 1];
        return y;
    }

    protected override Matrix<double> BackwardCore(ForwardPass<double> pass, Matrix<double> dY)
    {
        var (x, dX) = (pass.Input, pass.NewInputGradient());
        for (var k = 0; k < dY.ColumnCount; k++)
            for (var i = 0; i < dY.RowCount; i++) (dX[i, 2 * k], dX[i, 2 * k + 1]) = (dY[i, k] * x[i, 2 * k + 1], dY[i, k] * x[i, 2 * k]);
        return dX;
    }
}

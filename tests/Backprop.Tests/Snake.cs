using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

/// <summary>y = x + sin^2(a x) / a, with an a for each feature that is learned.</summary>
public sealed class Snake : Layer<double>
{
    private readonly double _sign;

    public Snake(int features, double sign = 1)
    {
        A = Register(new VectorParameter<double>("a", features));
        A.Values.Fill(1);
        _sign = sign; // -1 makes the derivative wrong
    }

    public VectorParameter<double> A { get; }

    protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass)
    {
        var y = pass.NewOutput(x.RowCount, x.ColumnCount);
        x.MapIndexed((_, j, v) => v + Math.Pow(Math.Sin(A.Value[j] * v), 2) / A.Value[j], y);
        return y;
    }

    protected override Matrix<double> BackwardCore(ForwardPass<double> pass, Matrix<double> dY)
    {
        var (x, a, dX) = (pass.Input, A.Value, pass.NewInputGradient());
        for (var i = 0; i < x.RowCount; i++)
            for (var j = 0; j < x.ColumnCount; j++)
            {
                // dX = dY * (1 + sin(2 a x))     da += sum over rows of dY * (x sin(2 a x) / a - sin^2(a x) / a^2)
                var (sin, sin2) = (Math.Sin(a[j] * x[i, j]), Math.Sin(2 * a[j] * x[i, j]));
                dX[i, j] = dY[i, j] * (1 + sin2);
                A.Gradient[j] += _sign * dY[i, j] * (x[i, j] * sin2 / a[j] - sin * sin / (a[j] * a[j]));
            }

        return dX;
    }
}

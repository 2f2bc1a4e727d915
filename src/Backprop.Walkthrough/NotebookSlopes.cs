using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Walkthrough;

/// <summary>The gradients by finite differences: move one number a little, see how the loss moves. No derivative is involved.</summary>
internal static class NotebookSlopes
{
    /// <summary>In the order of <see cref="NotebookGradient{T}.Of"/>.</summary>
    public static IReadOnlyList<Matrix<double>> Of(Notebook<double> notebook)
    {
        var gradients = NotebookGradient<double>.Of(notebook);
        double Loss(Matrix<double> yHat) => notebook.LossFunction.Forward(yHat, notebook.Y);
        Matrix<double> Activate(Matrix<double> a1) => notebook.Model["activation"].Forward(a1);
        Matrix<double> Parameter(int index)
        {
            var parameter = notebook.Model.Parameters[index];
            var saved = parameter.Values[0];
            var slope = Slope(saved, gradients[index].ByHand[0, 0], value =>
            {
                parameter.Values[0] = value;
                return Loss(notebook.Model.Forward(notebook.X));
            });
            parameter.Values[0] = saved;
            return Matrix<double>.Build.Dense(1, 1, slope);
        }

        return
        [
            Parameter(0), Parameter(1), Parameter(2), Parameter(3),
            Slopes(notebook.YHat, gradients[4].ByHand, Loss),
            Slopes(notebook.Z1, gradients[5].ByHand, z1 => Loss(notebook.Output.Forward(z1))),
            Slopes(notebook.A1, gradients[6].ByHand, a1 => Loss(notebook.Output.Forward(Activate(a1)))),
            Slopes(notebook.X, gradients[7].ByHand, x => Loss(notebook.Model.Forward(x))),
        ];
    }

    private static Matrix<double> Slopes(Matrix<double> at, Matrix<double> byHand, Func<Matrix<double>, double> loss)
    {
        at = at.Clone();
        var slopes = byHand.Clone();
        for (var i = 0; i < at.RowCount; i++)
        {
            var saved = at[i, 0];
            slopes[i, 0] = Slope(saved, byHand[i, 0], value =>
            {
                at[i, 0] = value;
                return loss(at);
            });
            at[i, 0] = saved;
        }

        return slopes;
    }

    private static double Slope(double at, double byHand, Func<double, double> loss) =>
        GradientCheck.Run(new LossOf(loss, byHand), Matrix<double>.Build.Dense(1, 1, at), Matrix<double>.Build.Dense(1, 1)).Comparisons[0].Expected;

    /// <summary>The loss as a function of one number in the network, all others being fixed.</summary>
    private sealed class LossOf(Func<double, double> loss, double slope) : Loss<double>
    {
        protected override double ForwardCore(Matrix<double> prediction, Matrix<double> target) => loss(prediction[0, 0]);

        protected override void BackwardCore(Matrix<double> prediction, Matrix<double> target, Matrix<double> dPrediction) => dPrediction[0, 0] = slope;
    }
}

using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The coefficient of determination, R² = 1 - sum (p - t)^2 / sum (t - mean t)^2, its mean over the columns. 1 is perfect, 0 no better than the mean.</summary>
/// <remarks>Of a column whose target never changes it is 1 where the prediction meets it and else 0, as in
/// <see href="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.r2_score.html">scikit-learn</see>.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class R2<T> : Metric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "r2";

    /// <inheritdoc/>
    protected override double Measure(Matrix<T> prediction, Matrix<T> target)
    {
        Operand.Same(Name, prediction, nameof(prediction), target, nameof(target));
        double sum = 0;
        for (var j = 0; j < target.ColumnCount; j++)
        {
            double mean = 0, rest = 0, total = 0;
            for (var i = 0; i < target.RowCount; i++) mean += double.CreateChecked(target[i, j]) / target.RowCount;
            for (var i = 0; i < target.RowCount; i++)
            {
                rest += Math.Pow(double.CreateChecked(prediction[i, j]) - double.CreateChecked(target[i, j]), 2);
                total += Math.Pow(double.CreateChecked(target[i, j]) - mean, 2);
            }

            sum += total != 0 ? 1 - rest / total : rest == 0 ? 1 : 0;
        }

        return sum / target.ColumnCount;
    }
}

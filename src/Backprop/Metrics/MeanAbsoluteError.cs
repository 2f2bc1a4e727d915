using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The mean absolute error over all entries, 1/N sum |p - t|.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class MeanAbsoluteError<T> : Metric<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "mae";

    /// <inheritdoc/>
    protected override double Measure(Matrix<T> prediction, Matrix<T> target)
    {
        Operand.Same(Name, prediction, nameof(prediction), target, nameof(target));
        Span<T> p = prediction.Span(), t = target.Span();
        double sum = 0;
        for (var i = 0; i < p.Length; i++) sum += Math.Abs(double.CreateChecked(p[i]) - double.CreateChecked(t[i]));
        return sum / p.Length;
    }
}

using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The logarithm of the probabilities of each row: y = x - log(the sum over the row of e^x).</summary>
/// <remarks>
/// <para>Derivative: dX = dY - e^y s, s the sum over the row of dY. CHAIN-RULE.md, "LogSoftmax". Finite for rows of any size: the greatest x is taken away first.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.LogSoftmax.html">torch.nn.LogSoftmax</see> with dim = 1.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class LogSoftmax<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = x - log(sum over the row of e^x)";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY - e^y * (sum over the row of dY)";

    /// <inheritdoc/>
    public override string ToString() => "LogSoftmax()";

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, x.ColumnCount);
        SoftmaxRows.LogForward(x.Span(), y.Span(), x.RowCount, x.ColumnCount);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var dX = pass.NewInputGradient();
        SoftmaxRows.LogBackward(pass.Output.Span(), dY.Span(), dX.Span(), dY.RowCount, dY.ColumnCount);
        return dX;
    }
}

using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Turns each row into probabilities: y = e^x / (the sum over the row of e^x).</summary>
/// <remarks>
/// <para>Derivative: dX = y * (dY - s), s the sum over the row of dY * y. CHAIN-RULE.md, "Softmax". Finite for rows of any size: the greatest x is taken away first.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Softmax.html">torch.nn.Softmax</see> with dim = 1.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Softmax<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = e^x / sum over the row of e^x";

    /// <inheritdoc/>
    public override string Derivative => "dX = y * (dY - sum over the row of dY * y)";

    /// <inheritdoc/>
    public override string ToString() => "Softmax()";

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, x.ColumnCount);
        SoftmaxRows.Forward(x.Span(), y.Span(), x.RowCount, x.ColumnCount);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var dX = pass.NewInputGradient();
        SoftmaxRows.Backward(pass.Output.Span(), dY.Span(), dX.Span(), dY.RowCount, dY.ColumnCount);
        return dX;
    }
}

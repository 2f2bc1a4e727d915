using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The logistic function, entry by entry: y = 1 / (1 + e^-x).</summary>
/// <remarks>
/// <para>Derivative: dX = dY * y (1 - y). CHAIN-RULE.md, "Sigmoid". Saved: the output y alone.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html">torch.nn.Sigmoid</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Sigmoid<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = 1 / (1 + e^-x)";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY * y (1 - y)";

    /// <inheritdoc/>
    public override string ToString() => "Sigmoid()";

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, x.ColumnCount);
        Span<T> xs = x.Span(), ys = y.Span();
        for (var i = 0; i < ys.Length; i++) ys[i] = T.One / (T.One + T.Exp(-xs[i]));
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var dX = pass.NewInputGradient();
        Span<T> ys = pass.Output.Span(), dYs = dY.Span(), dXs = dX.Span();
        for (var i = 0; i < dXs.Length; i++) dXs[i] = dYs[i] * ys[i] * (T.One - ys[i]);
        return dX;
    }
}

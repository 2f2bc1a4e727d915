using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains <see cref="Linear{T}"/>.</summary>
internal sealed class LinearExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override bool Explains(Layer<T> layer) => layer is Linear<T>;

    public override void Explain(Place<T> at)
    {
        var linear = (Linear<T>)at.Layer;
        var (x, dY, w) = (at.Input, at.OutputGradient, at.Parameter(linear.Weight, "W"));
        var b = linear.Bias is null ? null : at.Parameter(linear.Bias, "b");
        var (xij, wkj, dYik) = (Symbol("x", "ij"), Symbol("W", "kj"), Symbol("dY", "ik"));

        // y = x W^T + b
        var product = SumOver("j", xij * wkj);
        at.Rule(at.Output, Equal(Symbol("y", "ik"), b is null ? product : product + Symbol("b", "k")),
            (i, k) => Sum(x.Columns, j => x[i, j] * w[k, j]) is var sum && b is not null ? sum + b[k] : sum);
        // dX = dY W
        at.Rule(at.InputGradient, Equal(Symbol("dX", "ij"), SumOver("k", dYik * wkj)), (i, j) => Sum(w.Rows, k => dY![i, k] * w[k, j]));
        // dW = dY^T x
        at.Rule(w.Gradient, Equal(Symbol("dW", "kj"), SumOver("i", dYik * xij)), (k, j) => Sum(x.Rows, i => dY![i, k] * x[i, j]));
        // db = sum over rows of dY
        at.Rule(b?.Gradient, Equal(Symbol("db", "k"), SumOver("i", dYik)), (_, k) => Sum(x.Rows, i => dY![i, k]));
    }
}

using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains <see cref="Softmax{T}"/> and <see cref="LogSoftmax{T}"/>: every entry of a row goes into every other.</summary>
internal sealed class SoftmaxExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override bool Explains(Layer<T> layer) => layer is Softmax<T> or LogSoftmax<T>;

    public override void Explain(Place<T> at)
    {
        var (x, y, dY) = (at.Input, at.Output, at.OutputGradient);
        var (m, s) = Shares(at, x);
        var shifted = Symbol("x", "ij") - Symbol("m", "i");
        if (at.Layer is Softmax<T>)
        {
            // y_j = e^(x_j - m) / s      dX_j = y_j (dY_j - Σ dY_k y_k)
            at.Rule(y, Equal(Symbol("y", "ij"), Exp(shifted) / Symbol("s", "i")), (i, j) => Exp(x[i, j] - m[i, 0]) / s[i, 0]);
            at.Rule(at.InputGradient, Equal(Symbol("dX", "ij"), Symbol("y", "ij") * Symbol("dY", "ij") - Symbol("y", "ij") * SumOver("k", Symbol("dY", "ik") * Symbol("y", "ik"))),
                (i, j) => y[i, j] * dY![i, j] - y[i, j] * Sum(y.Columns, k => dY[i, k] * y[i, k]));
        }
        else
        {
            // y_j = x_j - m - log s      dX_j = dY_j - e^y_j Σ dY_k
            at.Rule(y, Equal(Symbol("y", "ij"), shifted - Log(Symbol("s", "i"))), (i, j) => x[i, j] - m[i, 0] - Log(s[i, 0]));
            at.Rule(at.InputGradient, Equal(Symbol("dX", "ij"), Symbol("dY", "ij") - Exp(Symbol("y", "ij")) * SumOver("k", Symbol("dY", "ik"))),
                (i, j) => dY![i, j] - Exp(y[i, j]) * Sum(y.Columns, k => dY[i, k]));
        }
    }

    /// <summary>The greatest of each row, which is taken off so that nothing overflows, and the sum of the powers of e.</summary>
    private static (Quantity Greatest, Quantity Sum) Shares(Place<T> at, Quantity x)
    {
        var m = at.Define("m", x.Rows, 1, Equal(Symbol("m", "i"), Max(Symbol("x", "i1"), Symbol("x", "i2"), Symbol("...", ""))), (i, _) => Max([.. Enumerable.Range(0, x.Columns).Select(j => x[i, j])]));
        var s = at.Define("s", x.Rows, 1, Equal(Symbol("s", "i"), SumOver("k", Exp(Symbol("x", "ik") - Symbol("m", "i")))), (i, _) => Sum(x.Columns, k => Exp(x[i, k] - m[i, 0])));
        return (m, s);
    }
}

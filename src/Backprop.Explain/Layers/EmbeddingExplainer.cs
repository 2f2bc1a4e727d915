using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains <see cref="Embedding{T}"/>: a row of the table for each index, and to each row the gradients of all places that took it.</summary>
internal sealed class EmbeddingExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override bool Explains(Layer<T> layer) => layer is Embedding<T>;

    public override void Explain(Place<T> at)
    {
        var layer = (Embedding<T>)at.Layer;
        var (x, dY, w, d) = (at.Input, at.OutputGradient, at.Parameter(layer.Weight, "W"), layer.EmbeddingDim);
        at.Rule(at.Output, Equal(Symbol("y", "ik"), Symbol("W", "x_i k")), (i, k) => w[(int)x.ValueAt(i, k / d), k % d], "The index x chooses the row of W.");
        at.Rule(w.Gradient, Equal(Symbol("dW", "rk"), SumOver("i: x_i = r", Symbol("dY", "ik"))), (r, k) => r == layer.PaddingIdx
            ? 0
            : Sum(from q in Enumerable.Range(0, x.Columns) from i in Enumerable.Range(0, x.Rows) where x.ValueAt(i, q) == r select dY![i, q * d + k]),
            layer.PaddingIdx is null ? "A row gets the gradients of all places whose index it is." : "A row gets the gradients of all places whose index it is; the row for padding gets none.");
        at.Rule(at.InputGradient, Equal(Symbol("dX", "ij"), 0), (_, _) => 0, "An index is no quantity that could move a little.");
    }
}

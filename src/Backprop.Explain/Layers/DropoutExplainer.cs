using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains <see cref="Dropout{T}"/> and <see cref="Dropout2d{T}"/>, with the mask that was drawn. In evaluation y is x itself, and there is nothing to explain.</summary>
internal sealed class DropoutExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override bool Explains(Layer<T> layer) => layer is Dropout<T> or Dropout2d<T>;

    public override void Explain(Place<T> at)
    {
        if (ReferenceEquals(at.Input, at.Output)) return;
        var (x, dY) = (at.Input, at.OutputGradient);
        var mask = at.Keep("mask", x.Rows, x.Columns, at.DerivativeOfEachEntry(), "M");
        at.Rule(at.Output, Equal(Symbol("y", "ij"), Symbol("x", "ij") * Symbol("M", "ij")), (i, j) => x[i, j] * mask[i, j], "M is 0 where it drops, and 1/(1 - p) elsewhere.");
        at.Rule(at.InputGradient, Equal(Symbol("dX", "ij"), Symbol("dY", "ij") * Symbol("M", "ij")), (i, j) => dY![i, j] * mask[i, j]);
    }
}

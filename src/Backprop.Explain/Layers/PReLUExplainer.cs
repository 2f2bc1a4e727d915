using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains <see cref="PReLU{T}"/>: one slope for all columns, or one each.</summary>
internal sealed class PReLUExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override bool Explains(Layer<T> layer) => layer is PReLU<T>;

    public override void Explain(Place<T> at)
    {
        var layer = (PReLU<T>)at.Layer;
        var (x, dY, a) = (at.Input, at.OutputGradient, at.Parameter(layer.Weight, "a"));
        var shared = layer.NumParameters == 1;
        var (sx, sdY, sa) = (Symbol("x", "ij"), Symbol("dY", "ij"), Symbol("a", shared ? "" : "j"));
        Expression Slope(int j) => a[shared ? 0 : j];

        at.Rule(at.Output, Equal(Symbol("y", "ij"), Where(Positive(sx), sx, sa * sx)), (i, j) => Where(Positive(x[i, j]), x[i, j], Slope(j) * x[i, j]));
        at.Rule(at.InputGradient, Equal(Symbol("dX", "ij"), sdY * Where(Positive(sx), 1, sa)), (i, j) => dY![i, j] * Where(Positive(x[i, j]), 1, Slope(j)));
        // da = Σ dY x where x is not positive
        at.Rule(a.Gradient, Equal(Symbol("da", shared ? "" : "j"), SumOver(shared ? "ij" : "i", sdY * Where(Positive(sx), 0, sx))), (_, k) =>
            Sum(shared ? Enumerable.Range(0, x.Columns).SelectMany(Share) : Share(k)));

        IEnumerable<Expression> Share(int j) => Enumerable.Range(0, x.Rows).Where(i => !(x.ValueAt(i, j) > 0)).Select(i => dY![i, j] * x[i, j]);
    }

    private static Condition Positive(Expression x) => new(x, ">", 0);
}

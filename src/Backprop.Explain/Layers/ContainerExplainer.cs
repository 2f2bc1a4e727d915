using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains what containers do between the layers within: <see cref="Residual{T}"/>, <see cref="Sum{T}"/>, <see cref="Concat{T}"/>. <see cref="Sequential{T}"/> does nothing: each output is the next input.</summary>
internal sealed class ContainerExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override bool Explains(Layer<T> layer) => layer is Residual<T> or Sum<T> or Concat<T> or Sequential<T> or Identity<T> or Columns<T>;

    public override void Explain(Place<T> at)
    {
        var (x, dY, dX) = (at.Input, at.OutputGradient, at.InputGradient);
        var (sx, sdY, sy, sdX) = (Symbol("x", "ij"), Symbol("dY", "ij"), Symbol("y", "ij"), Symbol("dX", "ij"));
        var within = at.Children;
        switch (at.Layer)
        {
            case Residual<T>:
                // y = x + f(x)      dX = dY + df(dY)
                at.Rule(at.Output, Equal(sy, sx + Symbol("f", "ij")), (i, j) => x[i, j] + within[0].Output[i, j], "Two ways lead on: x itself, and f(x).");
                at.Rule(dX, Equal(sdX, sdY + Symbol("df", "ij")), (i, j) => dY![i, j] + within[0].InputGradient![i, j], "Two ways lead back: dY itself, and what f passes back.");
                at.Named("f", within[0].Output);
                if (dX is not null) at.Named("df", within[0].InputGradient!);
                break;
            case Sum<T>:
                at.Rule(at.Output, Equal(sy, SumOver("h", Symbol("f", "hij"))), (i, j) => Sum(within.Count, h => within[h].Output[i, j]));
                at.Rule(dX, Equal(sdX, SumOver("h", Symbol("df", "hij"))), (i, j) => Sum(within.Count, h => within[h].InputGradient![i, j]));
                break;
            case Concat<T>:
                // y = [f_1(x) | f_2(x) | ...], and each branch gets the part of dY in its columns
                var starts = new int[within.Count + 1];
                for (var h = 0; h < within.Count; h++) starts[h + 1] = starts[h] + within[h].Output.Columns;
                at.Rule(at.Output, Equal(Symbol("y", "ik"), Symbol("f", "hk'")), (i, k) =>
                {
                    var h = Enumerable.Range(0, within.Count).First(branch => k < starts[branch + 1]);
                    return within[h].Output[i, k - starts[h]];
                }, "The branches' outputs stand side by side.");
                at.Rule(dX, Equal(sdX, SumOver("h", Symbol("df", "hij"))), (i, j) => Sum(within.Count, h => within[h].InputGradient![i, j]));
                for (var h = 0; h < within.Count && dY is not null; h++)
                {
                    var (branch, start) = (within[h], starts[h]);
                    if (branch.OutputGradient is { } part && !ReferenceEquals(part, dY))
                        at.Rule(part, Equal(Symbol("dY", "hik"), Symbol("dY", "i(s + k)")), (i, k) => dY[i, start + k], "A branch's part of dY are the columns that it gave; s is the first.");
                }

                break;
            case Columns<T> columns:
                at.Rule(at.Output, Equal(Symbol("y", "ik"), Symbol("x", "i(s + k)")), (i, k) => x[i, columns.Start + k], "s is the first column that is taken.");
                at.Rule(dX, Equal(sdX, Where(new(Symbol("j"), "=", Symbol("s") + Symbol("k")), Symbol("dY", "ik"), 0)),
                    (i, j) => j >= columns.Start && j < columns.Start + columns.Count ? dY![i, j - columns.Start] : 0, "Columns that are not taken get no gradient.");
                break;
        }
    }
}

using System.Numerics;
using MathNet.Numerics.LinearAlgebra;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains what picks or averages the steps of sequences, lays them side by side, or adds their positions: row n T + t is step t of the sequence n.</summary>
internal sealed class SequenceExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override bool Explains(Layer<T> layer) => layer is PoolingOverTime<T> or ToRows<T> or ToSteps<T> or PositionalEmbedding<T> or SinusoidalPositions<T>;

    public override void Explain(Place<T> at)
    {
        var (x, dY, dX) = (at.Input, at.OutputGradient, at.InputGradient);
        var (sdX, sdY, sx, sy) = (Symbol("dX", "ntj"), Symbol("dY", "nj"), Symbol("x", "ntj"), Symbol("y", "nj"));
        switch (at.Layer)
        {
            case LastStep<T> { Steps: var steps }:
                at.Rule(at.Output, Equal(sy, Symbol("x", "nTj")), (n, j) => x[n * steps + steps - 1, j]);
                at.Rule(dX, Equal(sdX, sdY), (r, j) => r % steps == steps - 1 ? dY![r / steps, j] : 0, "Steps that were not taken get no gradient.");
                break;
            case MeanOverTime<T> { Steps: var steps }:
                at.Rule(at.Output, Equal(sy, SumOver("t", sx) / Symbol("T")), (n, j) => Sum(steps, t => x[n * steps + t, j]) / steps);
                at.Rule(dX, Equal(sdX, sdY / Symbol("T")), (r, j) => dY![r / steps, j] / steps);
                break;
            case MaxOverTime<T> { Steps: var steps }:
                int Largest(int n, int j)
                {
                    var largest = n * steps;
                    for (var r = largest + 1; r < (n + 1) * steps; r++)
                        if (x.ValueAt(r, j) > x.ValueAt(largest, j) || (double.IsNaN(x.ValueAt(r, j)) && !double.IsNaN(x.ValueAt(largest, j)))) largest = r;
                    return largest;
                }

                at.Rule(at.Output, Equal(sy, Max(Symbol("x", "n1j"), Symbol("x", "n2j"), Symbol("...", ""))), (n, j) => Max([.. Enumerable.Range(n * steps, steps).Select(r => x[r, j])]));
                at.Rule(dX, Equal(sdX, SumOver("n: x_ntj is the largest", sdY)), (r, j) => Largest(r / steps, j) == r ? dY![r / steps, j] : 0, "The largest of a sequence gets the gradient, the first of several.");
                break;
            case ToRows<T> { Steps: var steps }:
                var features = x.Columns;
                at.Rule(at.Output, Equal(Symbol("y", "n(td + j)"), sx), (n, k) => x[n * steps + k / features, k % features], "The steps of a sequence, side by side.");
                at.Rule(dX, Equal(sdX, Symbol("dY", "n(td + j)")), (r, j) => dY![r / steps, r % steps * features + j]);
                break;
            case ToSteps<T> { Steps: var steps }:
                var width = at.Output.Columns;
                at.Rule(at.Output, Equal(Symbol("y", "ntj"), Symbol("x", "n(td + j)")), (r, j) => x[r / steps, r % steps * width + j], "What stood side by side, one step after the other.");
                at.Rule(dX, Equal(Symbol("dX", "n(td + j)"), Symbol("dY", "ntj")), (n, k) => dY![n * steps + k / width, k % width]);
                break;
            case PositionalEmbedding<T> learned:
                var w = at.Parameter(learned.Weight, "W");
                Add(at, w, "W", learned.MaxSteps);
                at.Rule(w.Gradient, Equal(Symbol("dW", "tj"), SumOver("n", Symbol("dY", "ntj"))), (t, j) => Sum(from r in Enumerable.Range(0, x.Rows) where r % learned.MaxSteps == t select dY![r, j]), "A position is in every sequence.");
                break;
            case SinusoidalPositions<T> waves:
                // What it adds to nothing.
                var table = waves.Forward(Matrix<T>.Build.Dense(waves.MaxSteps, waves.EmbedDim)).Span();
                Add(at, at.Keep("positions", waves.MaxSteps, waves.EmbedDim, table, "P"), "P", waves.MaxSteps);
                break;
        }
    }

    // y = x + P[t], and the position does not move with x
    private static void Add(Place<T> at, Quantity table, string symbol, int steps)
    {
        at.Rule(at.Output, Equal(Symbol("y", "ntj"), Symbol("x", "ntj") + Symbol(symbol, "tj")), (r, j) => at.Input[r, j] + table[r % steps, j]);
        if (!ReferenceEquals(at.InputGradient, at.OutputGradient)) at.Rule(at.InputGradient, Equal(Symbol("dX", "ntj"), Symbol("dY", "ntj")), (r, j) => at.OutputGradient![r, j]);
    }
}

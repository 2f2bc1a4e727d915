using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains <see cref="LayerNorm{T}"/>, <see cref="RMSNorm{T}"/> and <see cref="BatchNorm1d{T}"/>: y = x̂ w + b, with x̂ = (x - μ) r over a row or a column.</summary>
/// <remarks>They differ in what the mean goes over, in whether it is taken off, and in whether it is the batch's own: one that is kept passes nothing back.</remarks>
internal sealed class NormalizationExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override bool Explains(Layer<T> layer) => layer is LayerNorm<T> or RMSNorm<T> or BatchNorm1d<T>;

    public override void Explain(Place<T> at)
    {
        var (weight, bias, epsilon) = at.Layer switch
        {
            LayerNorm<T> layer => (layer.Weight, layer.Bias, layer.Epsilon),
            RMSNorm<T> layer => (layer.Weight, null, layer.Epsilon),
            var layer => (((BatchNorm1d<T>)layer).Weight, ((BatchNorm1d<T>)layer).Bias, ((BatchNorm1d<T>)layer).Epsilon),
        };
        var (x, dY, n, m) = (at.Input, at.OutputGradient, at.Input.Rows, at.Input.Columns);
        var w = weight is null ? null : at.Parameter(weight, "w");
        var b = bias is null ? null : at.Parameter(bias, "b");
        var statistics = new Statistics(at, epsilon);
        var (sx, sdY, sxhat, sw) = (Symbol("x", "ij"), Symbol("dY", "ij"), Symbol("x̂", "ij"), Symbol("w", "j"));
        var (r, sr) = (statistics.Scale, Symbol("r", statistics.Index));

        var xhat = at.Define("xhat", n, m, Equal(sxhat, statistics.IsCentred ? (sx - Symbol("μ", statistics.Index)) * sr : sx * sr),
            (i, j) => statistics.IsCentred ? (x[i, j] - statistics.Mean!(i, j)) * r(i, j) : x[i, j] * r(i, j), "x̂");

        // y = x̂ w + b
        at.Rule(at.Output, Equal(Symbol("y", "ij"), Affine(sxhat, w is null ? null : sw, b is null ? null : Symbol("b", "j"))), (i, j) => Affine(xhat[i, j], w?[j], b?[j]));
        // dw = Σ dY x̂      db = Σ dY
        at.Rule(w?.Gradient, Equal(Symbol("dw", "j"), SumOver("i", sdY * sxhat)), (_, j) => Sum(n, i => dY![i, j] * xhat[i, j]));
        at.Rule(b?.Gradient, Equal(Symbol("db", "j"), SumOver("i", sdY)), (_, j) => Sum(n, i => dY![i, j]));
        if (at.InputGradient is null) return;

        // dX̂ = dY w
        var (dXhat, sdXhat) = (dY!, sdY);
        if (w is not null) (dXhat, sdXhat) = (at.Define("xhat.grad", n, m, Equal(Symbol("dX̂", "ij"), sdY * sw), (i, j) => dY![i, j] * w[j], "dX̂"), Symbol("dX̂", "ij"));
        if (!statistics.AreOwn)
        {
            // What was kept does not move with x: dX = r dX̂
            at.Rule(at.InputGradient, Equal(Symbol("dX", "ij"), sr * sdXhat), (i, j) => r(i, j) * dXhat[i, j], "The statistics are kept ones, so nothing flows back through them.");
            return;
        }

        // dX = r (dX̂ - mean(dX̂) - x̂ mean(dX̂ x̂))
        var over = statistics.Index == "i" ? "j" : "i";
        var (count, scount) = ((double)(statistics.Index == "i" ? m : n), Symbol(statistics.Index == "i" ? "m" : "n"));
        var rows = statistics.Index == "i";
        var means = at.Define("mean_dxhat", rows ? n : 1, rows ? 1 : m, Equal(Symbol("c", statistics.Index), SumOver(over, sdXhat) / scount),
            (i, j) => Sum((int)count, k => rows ? dXhat[i, k] : dXhat[k, j]) / count, "c");
        var products = at.Define("mean_dxhat_xhat", rows ? n : 1, rows ? 1 : m, Equal(Symbol("d", statistics.Index), SumOver(over, sdXhat * sxhat) / scount),
            (i, j) => Sum((int)count, k => rows ? dXhat[i, k] * xhat[i, k] : dXhat[k, j] * xhat[k, j]) / count, "d");
        var (sc, sd) = (Symbol("c", statistics.Index), Symbol("d", statistics.Index));
        at.Rule(at.InputGradient, Equal(Symbol("dX", "ij"), statistics.IsCentred ? sr * (sdXhat - sc - sxhat * sd) : sr * (sdXhat - sxhat * sd)), (i, j) =>
        {
            var (c, d) = (rows ? means[i, 0] : means[0, j], rows ? products[i, 0] : products[0, j]);
            return statistics.IsCentred ? r(i, j) * (dXhat[i, j] - c - xhat[i, j] * d) : r(i, j) * (dXhat[i, j] - xhat[i, j] * d);
        });
    }

    private static Expression Affine(Expression xhat, Expression? w, Expression? b) => (w is null ? xhat : xhat * w) is var scaled && b is null ? scaled : scaled + b;

    /// <summary>μ and r, of a row or of a column.</summary>
    private sealed class Statistics
    {
        public Statistics(Place<T> at, double epsilon)
        {
            var (x, layer) = (at.Input, at.Layer as BatchNorm1d<T>);
            (Index, IsCentred) = (layer is null ? "i" : "j", at.Layer is not RMSNorm<T>);
            AreOwn = layer?.RunningMean is null || (at.Training && !IsFrozen(layer));
            if (!AreOwn)
            {
                var (kept, spread) = (at.Keep("running_mean", 1, x.Columns, layer!.RunningMean!.Values, "μ"), at.Keep("running_var", 1, x.Columns, layer.RunningVar!.Values, "v"));
                var scale = at.Define("r", 1, x.Columns, Equal(Symbol("r", "j"), 1 / Sqrt(Symbol("v", "j") + Symbol("ε"))), (_, j) => 1 / Sqrt(spread[j] + epsilon));
                (Mean, Scale) = ((_, j) => kept[j], (_, j) => scale[0, j]);
                return;
            }

            var rows = layer is null;
            var (count, scount, over) = (rows ? x.Columns : x.Rows, Symbol(rows ? "m" : "n"), rows ? "j" : "i");
            var sx = Symbol("x", "ij");
            Expression At(int i, int j, int k) => rows ? x[i, k] : x[k, j];
            var (height, width) = (rows ? x.Rows : 1, rows ? 1 : x.Columns);
            if (IsCentred)
            {
                var mean = at.Define("mean", height, width, Equal(Symbol("μ", Index), SumOver(over, sx) / scount), (i, j) => Sum(count, k => At(i, j, k)) / count, "μ");
                Mean = (i, j) => mean[rows ? i : 0, rows ? 0 : j];
            }

            // The variance is divided by the count, not by the count less one.
            var squares = Mean is null ? Power(sx, 2) : Power(sx - Symbol("μ", Index), 2);
            var variance = at.Define(Mean is null ? "mean_square" : "var", height, width, Equal(Symbol("v", Index), SumOver(over, squares) / scount),
                (i, j) => Sum(count, k => Power(Mean is null ? At(i, j, k) : At(i, j, k) - Mean(i, j), 2)) / count, "v");
            var root = at.Define("r", height, width, Equal(Symbol("r", Index), 1 / Sqrt(Symbol("v", Index) + Symbol("ε"))), (i, j) => 1 / Sqrt(variance[i, j] + epsilon));
            Scale = (i, j) => root[rows ? i : 0, rows ? 0 : j];
        }

        public string Index { get; }

        public bool IsCentred { get; }

        public bool AreOwn { get; }

        public Func<int, int, Expression>? Mean { get; }

        public Func<int, int, Expression> Scale { get; }

        private static bool IsFrozen(BatchNorm1d<T> layer) => layer.MinTrainingRows == 1;
    }
}

using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains <see cref="LayerNorm{T}"/>, <see cref="RMSNorm{T}"/>, <see cref="BatchNorm1d{T}"/>, <see cref="BatchNorm2d{T}"/>, <see cref="GroupNorm{T}"/> and <see cref="InstanceNorm2d{T}"/>: y = x̂ w + b, with x̂ = (x - μ) r.</summary>
/// <remarks>They differ in what the mean goes over, in whether it is taken off, and in whether it is the layer's own: one that is kept passes nothing back.</remarks>
internal sealed class NormalizationExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override bool Explains(Layer<T> layer) => NormOf(layer) is not null;

    public override void Explain(Place<T> at)
    {
        var norm = NormOf(at.Layer)!;
        var (x, dY, n, m) = (at.Input, at.OutputGradient, at.Input.Rows, at.Input.Columns);
        var w = norm.Weight is null ? null : at.Parameter(norm.Weight, "w");
        var b = norm.Bias is null ? null : at.Parameter(norm.Bias, "b");
        var own = norm.RunningMean is null || (at.Training && !norm.IsFrozen);
        var means = own ? norm.Means : norm.Kept;
        var statistics = new Statistics(at, norm, means, own);
        var (all, feature, over) = (norm.Entries, norm.Feature, norm.OverFeature);
        var (sx, sdY, sxhat, sw) = (Symbol("x", all), Symbol("dY", all), Symbol("x̂", all), Symbol("w", feature));
        var (r, sr, mean, smean) = (statistics.Scale, Symbol("r", means.Index), statistics.Mean, Symbol("μ", means.Index));

        var xhat = at.Define("xhat", n, m, Equal(sxhat, mean is null ? sx * sr : (sx - smean) * sr), (i, j) => mean is null ? x[i, j] * r(i, j) : (x[i, j] - mean(i, j)) * r(i, j), "x̂");

        // y = x̂ w + b
        at.Rule(at.Output, Equal(Symbol("y", all), Affine(sxhat, w is null ? null : sw, b is null ? null : Symbol("b", feature))), (i, j) => Affine(xhat[i, j], w?[j / norm.Pixels], b?[j / norm.Pixels]), own ? norm.Note : null);
        // dw = Σ dY x̂      db = Σ dY
        at.Rule(w?.Gradient, Equal(Symbol("dw", feature), SumOver(over, sdY * sxhat)), (_, f) => OfFeature(f, (i, j) => dY![i, j] * xhat[i, j]));
        at.Rule(b?.Gradient, Equal(Symbol("db", feature), SumOver(over, sdY)), (_, f) => OfFeature(f, (i, j) => dY![i, j]));
        if (at.InputGradient is null) return;

        // dX̂ = dY w
        var (dXhat, sdXhat) = (dY!, sdY);
        if (w is not null) (dXhat, sdXhat) = (at.Define("xhat.grad", n, m, Equal(Symbol("dX̂", all), sdY * sw), (i, j) => dY![i, j] * w[j / norm.Pixels], "dX̂"), Symbol("dX̂", all));
        var sdX = Symbol("dX", all);
        if (!own)
        {
            // What was kept does not move with x: dX = r dX̂
            at.Rule(at.InputGradient, Equal(sdX, sr * sdXhat), (i, j) => r(i, j) * dXhat[i, j], "The statistics are kept ones, so nothing flows back through them.");
            return;
        }

        // dX = r (dX̂ - mean(dX̂) - x̂ mean(dX̂ x̂))
        var c = means.Of(at, "mean_dxhat", "c", sdXhat, (i, j) => dXhat[i, j]);
        var d = means.Of(at, "mean_dxhat_xhat", "d", sdXhat * sxhat, (i, j) => dXhat[i, j] * xhat[i, j]);
        var (sc, sd) = (Symbol("c", means.Index), Symbol("d", means.Index));
        at.Rule(at.InputGradient, Equal(sdX, mean is null ? sr * (sdXhat - sxhat * sd) : sr * (sdXhat - sc - sxhat * sd)),
            (i, j) => mean is null ? r(i, j) * (dXhat[i, j] - xhat[i, j] * d(i, j)) : r(i, j) * (dXhat[i, j] - c(i, j) - xhat[i, j] * d(i, j)));

        Expression OfFeature(int f, Func<int, int, Expression> term) =>
            Sum(from i in Enumerable.Range(0, n) from j in Enumerable.Range(f * norm.Pixels, norm.Pixels) select term(i, j));
    }

    private static Expression Affine(Expression xhat, Expression? w, Expression? b) => (w is null ? xhat : xhat * w) is var scaled && b is null ? scaled : scaled + b;

    private static Norm? NormOf(Layer<T> layer) => layer switch
    {
        LayerNorm<T> of => new(of.Weight, of.Bias, of.Epsilon, new(true, of.InputColumns!.Value, "i", "j", Symbol("m"))),
        RMSNorm<T> of => new(of.Weight, null, of.Epsilon, new(true, of.InputColumns!.Value, "i", "j", Symbol("m"))) { IsCentred = false },
        BatchNorm1d<T> of => new(of.Weight, of.Bias, of.Epsilon, new(false, 1, "j", "i", Symbol("n"))) { RunningMean = of.RunningMean, RunningVar = of.RunningVar },
        BatchNorm2d<T> of => OfImages(of.InputShape, of.Weight, of.Bias, of.Epsilon, new(false, PixelsOf(of.InputShape), "k", "ihw", Symbol("n") * Symbol("H") * Symbol("W"))) with { RunningMean = of.RunningMean, RunningVar = of.RunningVar },
        InstanceNorm2d<T> of => OfImages(of.InputShape, of.Weight, of.Bias, of.Epsilon, new(true, PixelsOf(of.InputShape), "ik", "hw", Symbol("H") * Symbol("W"))) with { RunningMean = of.RunningMean, RunningVar = of.RunningVar },
        GroupNorm<T> of => OfImages(of.InputShape, of.Weight, of.Bias, of.Epsilon, new(true, of.InputShape.Columns / of.NumGroups, "ig", "khw: k in g", Symbol("m"))) with { Note = "A group g of channels has m numbers in each sample." },
        _ => null,
    };

    private static Norm OfImages(ImageShape shape, VectorParameter<T>? weight, VectorParameter<T>? bias, double epsilon, Means means) =>
        new(weight, bias, epsilon, means) { Pixels = PixelsOf(shape), Entries = "ikhw", Feature = "k", OverFeature = "ihw" };

    private static int PixelsOf(ImageShape shape) => shape.Height * shape.Width;

    /// <summary>What is particular to a layer.</summary>
    private sealed record Norm(VectorParameter<T>? Weight, VectorParameter<T>? Bias, double Epsilon, Means Means)
    {
        public bool IsCentred { get; init; } = true;

        public VectorBuffer<T>? RunningMean { get; init; }

        public VectorBuffer<T>? RunningVar { get; init; }

        /// <summary>Columns of a feature, which has a weight.</summary>
        public int Pixels { get; init; } = 1;

        /// <summary>Indices of an entry, of a feature, and of the entries of one.</summary>
        public string Entries { get; init; } = "ij";

        public string Feature { get; init; } = "j";

        public string OverFeature { get; init; } = "i";

        public string? Note { get; init; }

        /// <summary>Whose kept statistics are: a feature's.</summary>
        public Means Kept => Means with { IsOfSample = false, Width = Pixels, Index = Feature };

        public bool IsFrozen => RunningMean is { Frozen: true } || (Weight is { Frozen: true } && Bias is { Frozen: true });
    }

    /// <summary>What means go over: so many columns side by side, of one sample or of all.</summary>
    private sealed record Means(bool IsOfSample, int Width, string Index, string Over, Expression Count)
    {
        /// <summary>Names a number for each mean, or each thing that is made of one.</summary>
        /// <returns>The one that an entry of x belongs to.</returns>
        public Func<int, int, Expression> Define(Place<T> at, string name, string symbol, Expression formula, Func<int, int, Expression> numbers)
        {
            var quantity = at.Define(name, IsOfSample ? at.Input.Rows : 1, at.Input.Columns / Width, Equal(Symbol(symbol, Index), formula), numbers, symbol);
            return (i, j) => quantity[IsOfSample ? i : 0, j / Width];
        }

        /// <summary>Names the mean of something.</summary>
        /// <returns>The one that an entry of x belongs to.</returns>
        public Func<int, int, Expression> Of(Place<T> at, string name, string symbol, Expression formula, Func<int, int, Expression> term) => Define(at, name, symbol, SumOver(Over, formula) / Count, (i, g) =>
        {
            var (first, rows) = IsOfSample ? (i, 1) : (0, at.Input.Rows);
            return Sum(from row in Enumerable.Range(first, rows) from column in Enumerable.Range(g * Width, Width) select term(row, column)) / (rows * (double)Width);
        });
    }

    /// <summary>μ and r of an entry; there is no μ where the mean is not taken off.</summary>
    private sealed class Statistics
    {
        public Statistics(Place<T> at, Norm norm, Means means, bool own)
        {
            var (x, sx, smean, sv) = (at.Input, Symbol("x", norm.Entries), Symbol("μ", means.Index), Symbol("v", means.Index));
            Func<int, int, Expression> variance;
            if (!own)
            {
                var features = x.Columns / means.Width;
                var (kept, spread) = (at.Keep("running_mean", 1, features, norm.RunningMean!.Values, "μ"), at.Keep("running_var", 1, features, norm.RunningVar!.Values, "v"));
                (Mean, variance) = ((_, j) => kept[j / means.Width], (_, j) => spread[j / means.Width]);
            }
            else
            {
                // The variance is divided by the count, not by the count less one.
                if (norm.IsCentred) Mean = means.Of(at, "mean", "μ", sx, (i, j) => x[i, j]);
                variance = Mean is { } mean ? means.Of(at, "var", "v", Power(sx - smean, 2), (i, j) => Power(x[i, j] - mean(i, j), 2)) : means.Of(at, "mean_square", "v", Power(sx, 2), (i, j) => Power(x[i, j], 2));
            }

            Scale = means.Define(at, "r", "r", 1 / Sqrt(sv + Symbol("ε")), (i, g) => 1 / Sqrt(variance(i, g * means.Width) + norm.Epsilon));
        }

        public Func<int, int, Expression>? Mean { get; }

        public Func<int, int, Expression> Scale { get; }
    }
}

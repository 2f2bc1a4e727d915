using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains what is done to columns before a network sees them, by what was found in the samples: <see cref="Standardize{T}"/>, <see cref="MinMaxScale{T}"/>, <see cref="Impute{T}"/>, <see cref="OneHot{T}"/>.</summary>
internal sealed class PreprocessingExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override bool Explains(Layer<T> layer) => layer is Standardize<T> or MinMaxScale<T> or Impute<T> or OneHot<T>;

    public override void Explain(Place<T> at)
    {
        var (x, dY, m) = (at.Input, at.OutputGradient, at.Input.Columns);
        var (sx, sdY, sy, sdX) = (Symbol("x", "ij"), Symbol("dY", "ij"), Symbol("y", "ij"), Symbol("dX", "ij"));
        switch (at.Layer)
        {
            case Standardize<T> layer:
                var (mean, std) = (at.Keep("mean", 1, m, layer.Mean.Values, "μ"), at.Keep("std", 1, m, layer.Std.Values, "s"));
                at.Rule(at.Output, Equal(sy, (sx - Symbol("μ", "j")) / Symbol("s", "j")), (i, j) => (x[i, j] - mean[j]) / std[j]);
                at.Rule(at.InputGradient, Equal(sdX, sdY / Symbol("s", "j")), (i, j) => dY![i, j] / std[j]);
                break;
            case MinMaxScale<T> layer:
                var (least, greatest) = (at.Keep("data_min", 1, m, layer.DataMin.Values, "min"), at.Keep("data_max", 1, m, layer.DataMax.Values, "max"));
                var width = layer.Max - layer.Min;
                var sRange = Symbol("max", "j") - Symbol("min", "j");
                // A column that never changes keeps its scale.
                Expression Range(int j) => greatest.ValueAt(0, j) == least.ValueAt(0, j) ? 1 : greatest[j] - least[j];
                at.Rule(at.Output, Equal(sy, layer.Min + width * ((sx - Symbol("min", "j")) / sRange)), (i, j) => layer.Min + width * ((x[i, j] - least[j]) / Range(j)));
                at.Rule(at.InputGradient, Equal(sdX, sdY * (width / sRange)), (i, j) => dY![i, j] * (width / Range(j)));
                break;
            case Impute<T> layer:
                var fill = at.Keep("fill", 1, m, layer.Fill.Values);
                bool IsGap(int i, int j) => double.IsNaN(x.ValueAt(i, j));
                at.Rule(at.Output, Equal(sy, Where(new(sx, "=", sx), sx, Symbol("fill", "j"))), (i, k) => k < m ? IsGap(i, k) ? fill[k] : x[i, k] : IsGap(i, k - m) ? 1 : 0,
                    layer.AddIndicator ? "NaN alone does not equal itself. The second half of the columns says where gaps were." : "NaN alone does not equal itself: a gap is filled.");
                at.Rule(at.InputGradient, Equal(sdX, Where(new(sx, "=", sx), sdY, 0)), (i, j) => IsGap(i, j) ? 0 : dY![i, j]);
                break;
            case OneHot<T> layer:
                var starts = new int[m + 1];
                for (var j = 0; j < m; j++) starts[j + 1] = starts[j] + Math.Max(1, layer.Classes[j]);
                int ColumnOf(int k) => Enumerable.Range(0, m).First(j => k < starts[j + 1]);
                at.Rule(at.Output, Equal(Symbol("y", "ik"), Where(new(sx, "=", Symbol("k")), 1, 0)), (i, k) =>
                {
                    var j = ColumnOf(k);
                    return layer.Classes[j] == 0 ? x[i, j] : Where(new(x[i, j], "=", k - starts[j]), 1, 0);
                }, "Columns that are no classes stay as they are.");
                at.Rule(at.InputGradient, Equal(sdX, 0), (i, j) => layer.Classes[j] == 0 ? dY![i, starts[j]] : 0, "A class is no quantity that could move a little.");
                break;
        }
    }
}

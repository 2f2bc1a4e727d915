using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains what <see cref="TransformerEncoderLayer{T}"/> does between the layers within: two sums on the way forward, and two on the way back.</summary>
internal sealed class TransformerExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override bool Explains(Layer<T> layer) => layer is TransformerEncoderLayer<T>;

    public override void Explain(Place<T> at)
    {
        var layer = (TransformerEncoderLayer<T>)at.Layer;
        var of = layer.Children.ToDictionary(child => child.Name, child => at.Children.First(place => ReferenceEquals(place.Layer, child.Layer)));
        var (a, f) = (of["dropout1"].Output, of["dropout2"].Output);
        if (layer.NormFirst)
        {
            // h = x + a(norm1(x))      y = h + f(norm2(h))
            var h = of["norm2"].Input;
            Adds(h, "h", at.Input, "x", a, "a");
            Adds(at.Output, "y", h, "h", f, "f");
            // dh = dY + dnorm2(df(dY))      dX = dh + dnorm1(da(dh))
            Adds(of["dropout1"].OutputGradient, "dh", at.OutputGradient, "dY", of["norm2"].InputGradient, "df");
            Adds(at.InputGradient, "dX", of["dropout1"].OutputGradient, "dh", of["norm1"].InputGradient, "da");
        }
        else
        {
            // h = norm1(x + a(x))      y = norm2(h + f(h))
            var h = of["norm1"].Output;
            Adds(of["norm1"].Input, "s", at.Input, "x", a, "a");
            Adds(of["norm2"].Input, "u", h, "h", f, "f");
            // dh = du + df(du)      dX = ds + da(ds)
            Adds(of["norm1"].OutputGradient, "dh", of["norm2"].InputGradient, "du", of["linear1"].InputGradient, "df");
            Adds(at.InputGradient, "dX", of["norm1"].InputGradient, "ds", of["self_attn"].InputGradient, "da");
        }

        void Adds(Quantity? sum, string name, Quantity? first, string nameOfFirst, Quantity? second, string nameOfSecond)
        {
            if (sum is null || first is null || second is null) return;
            foreach (var (symbol, quantity) in new[] { (name, sum), (nameOfFirst, first), (nameOfSecond, second) }) at.Named(symbol, quantity);
            at.Rule(sum, Equal(Symbol(name, "tk"), Symbol(nameOfFirst, "tk") + Symbol(nameOfSecond, "tk")), (t, k) => first[t, k] + second[t, k]);
        }
    }
}

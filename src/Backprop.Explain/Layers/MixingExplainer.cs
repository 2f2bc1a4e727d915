using System.Numerics;
using MathNet.Numerics.LinearAlgebra;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains layers without parameters that mix the pixels of an image in fixed shares: <see cref="AvgPool2d{T}"/>, <see cref="AdaptiveAvgPool2d{T}"/>, <see cref="Upsample{T}"/>, <see cref="ZeroPad2d{T}"/>.</summary>
/// <remarks>The shares are what the layer makes of images that are 1 in one pixel and 0 elsewhere. Of a large image nobody wants all of them: it is left to the layer's own backward pass.</remarks>
internal sealed class MixingExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int MostShares = 1 << 20;

    public override bool Explains(Layer<T> layer) => layer is AvgPool2d<T> or AdaptiveAvgPool2d<T> or Upsample<T> or ZeroPad2d<T>;

    public override void Explain(Place<T> at)
    {
        var (x, y, dY) = (at.Input, at.Output, at.OutputGradient);
        if ((long)x.Columns * Math.Max(x.Columns, y.Columns) > MostShares) return;
        var shares = new Lazy<Matrix<T>>(() => at.Layer.Forward(Matrix<T>.Build.DenseIdentity(x.Columns)));
        at.Rule(y, Equal(Symbol("y", "ik"), SumOver("j", Symbol("s", "kj") * Symbol("x", "ij"))), (i, k) => Sum(from j in Enumerable.Range(0, x.Columns) where Has(j, k) select Share(j, k, x[i, j])),
            "s is the share of a pixel in an output.");
        at.Rule(at.InputGradient, Equal(Symbol("dX", "ij"), SumOver("k", Symbol("dY", "ik") * Symbol("s", "kj"))), (i, j) => Sum(from k in Enumerable.Range(0, y.Columns) where Has(j, k) select Share(j, k, dY![i, k])),
            "A pixel gets back, of each output, as much as was its share.");

        bool Has(int j, int k) => shares.Value[j, k] != T.Zero;
        Expression Share(int j, int k, Entry entry) => shares.Value[j, k] == T.One ? entry : double.CreateChecked(shares.Value[j, k]) * entry;
    }
}

using System.Numerics;
using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Walkthrough;

/// <summary>A layer of GPT-2: h = x + attn(ln_1(x)), y = h + mlp(ln_2(h)). A layer outside the library, with the rights that any has.</summary>
internal sealed class GptBlock<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Norm1 = 0, Attention = 1, Norm2 = 2, Mlp = 3;

    public GptBlock(GptSizes sizes, double dropout, double std, Generator generator, Generator drops)
    {
        var width = sizes.Width;
        Register("ln_1", new LayerNorm<T>(width));
        Register("attn", new Sequential<T>
        {
            { "c_attn", Drawn(width, 3 * width, std) },
            { "attention", new ScaledDotProductAttention<T>(width, sizes.Heads, sizes.Steps, causal: true, dropout, generator: drops) },
            { "c_proj", Drawn(width, width, std / Math.Sqrt(2 * sizes.Layers)) },
            { "resid_dropout", new Dropout<T>(dropout, drops) },
        });
        Register("ln_2", new LayerNorm<T>(width));
        Register("mlp", new Sequential<T>
        {
            { "c_fc", Drawn(width, 4 * width, std) },
            { "act", new GELU<T>(GELUApproximation.Tanh) },
            { "c_proj", Drawn(4 * width, width, std / Math.Sqrt(2 * sizes.Layers)) },
            { "dropout", new Dropout<T>(dropout, drops) },
        });

        Linear<T> Drawn(int from, int to, double deviation)
        {
            var linear = new Linear<T>(from, to, generator: generator);
            Init.Normal(linear.Weight, 0, deviation, generator);
            Init.Constant(linear.Bias!, 0);
            return linear;
        }
    }

    public override int? InputColumns => Children[Norm1].Layer.InputColumns;

    public override string Formula => "y = h + mlp(ln_2(h)),  h = x + attn(ln_1(x))";

    public override string Derivative => "dX = dH + dln_1(dattn(dH)),  dH = dY + dln_2(dmlp(dY))";

    public override int OutputRows(int inputRows) => Children[Attention].OutputRows(inputRows);

    public override ForwardPass<T> NewPass(bool training = true) => new GptBlockPass<T>(this, training);

    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var (h, y) = (((GptBlockPass<T>)pass).Sum(x), pass.NewOutput(x.RowCount, x.ColumnCount));
        // h = x + attn(ln_1(x))      y = h + mlp(ln_2(h))
        Add(x, pass.Steps[Attention].Forward(pass.Steps[Norm1].Forward(x)), h);
        return Add(h, pass.Steps[Mlp].Forward(pass.Steps[Norm2].Forward(h)), y);
    }

    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var (dH, dX) = (((GptBlockPass<T>)pass).SumOfGradients(dY), pass.NewInputGradient());
        // dH = dY + dln_2(dmlp(dY))      dX = dH + dln_1(dattn(dH))
        Add(dY, pass.Steps[Norm2].Backward(pass.Steps[Mlp].Backward(dY)!)!, dH);
        return Add(dH, pass.Steps[Norm1].Backward(pass.Steps[Attention].Backward(dH)!)!, dX);
    }

    private static Matrix<T> Add(Matrix<T> a, Matrix<T> b, Matrix<T> sum)
    {
        TensorPrimitives.Add<T>(a.AsColumnMajorArray(), b.AsColumnMajorArray(), sum.AsColumnMajorArray());
        return sum;
    }
}

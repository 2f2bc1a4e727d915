using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>Layer normalisation: y = x̂ w + b, where x̂ is x with mean 0 and variance 1 in each sample.</summary>
/// <remarks>
/// <para>x̂ = (x - mean) r and r = 1/√(var + ε), with the mean and the variance (the biased one, divided by m) of the sample's own m features.</para>
/// <para>Shapes: x (n x m), w (m), b (m), y (n x m). Training and evaluation do the same.</para>
/// <para>Derivatives, with dX̂ = dY w: dX = r (dX̂ - mean(dX̂) - x̂ mean(dX̂ x̂)), dw += the sum over the rows of dY x̂, db += the sum over the rows
/// of dY. CHAIN-RULE.md, "LayerNorm".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html">torch.nn.LayerNorm</see>.
/// Source: J. Ba, J. Kiros and G. Hinton, Layer normalization, 2016.</para>
/// </remarks>
/// <example><code>var y = new LayerNorm&lt;double&gt;(64).Forward(x);   // x and y are n x 64</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class LayerNorm<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer with w = 1 and b = 0.</summary>
    /// <param name="normalizedShape">m, the columns of the input, at least 1.</param>
    /// <param name="epsilon">ε, at least 0.</param>
    /// <param name="elementwiseAffine">Whether to learn w and b.</param>
    /// <param name="bias">Whether to learn b; of no effect without w.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1, or ε is negative or not finite.</exception>
    public LayerNorm(int normalizedShape, double epsilon = 1e-5, bool elementwiseAffine = true, bool bias = true)
    {
        NormalizedShape = Expect.Positive(Invariant($"LayerNorm({normalizedShape})"), normalizedShape, nameof(normalizedShape));
        Epsilon = Expect.AtLeastZero(Invariant($"LayerNorm({normalizedShape})"), epsilon);
        if (elementwiseAffine) Weight = Register(new VectorParameter<T>("weight", normalizedShape));
        if (elementwiseAffine && bias) Bias = Register(new VectorParameter<T>("bias", normalizedShape));
        Weight?.Values.Fill(T.One);
    }

    /// <summary>w, m; null without.</summary>
    public VectorParameter<T>? Weight { get; }

    /// <summary>b, m; null without.</summary>
    public VectorParameter<T>? Bias { get; }

    /// <summary>m, the columns of the input.</summary>
    public int NormalizedShape { get; }

    /// <summary>ε.</summary>
    public double Epsilon { get; }

    /// <inheritdoc/>
    public override int? InputColumns => NormalizedShape;

    /// <inheritdoc/>
    public override string Formula =>
        $"y = xhat{(Weight is null ? "" : " w")}{(Bias is null ? "" : " + b")},  xhat = (x - mean) r,  r = 1/sqrt(var + eps),  mean and var over each row";

    /// <inheritdoc/>
    public override string Derivative =>
        $"dX = r (dXhat - mean(dXhat) - xhat mean(dXhat xhat)),  dXhat = dY{(Weight is null ? "" : " w,  dw += sum over rows of dY xhat")}{(Bias is null ? "" : ",  db += sum over rows of dY")}";

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new MomentsPass<T>(this, training);

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("LayerNorm", $"{NormalizedShape}", Epsilon == 1e-5 ? "" : $"epsilon {Signature.Number(Epsilon)}", Weight is null ? "not affine" : Bias is null ? "no bias" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var (y, moments) = (pass.NewOutput(x.RowCount, x.ColumnCount), ((MomentsPass<T>)pass).Moments);
        // y = (x - mean) r w + b
        RowNormalization.Forward(true, T.CreateSaturating(Epsilon), x.Span(), Values(Weight), Values(Bias), moments, y.Span(), x.RowCount, x.ColumnCount);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var (dX, moments) = (pass.NeedsInputGradient ? pass.NewInputGradient() : null, ((MomentsPass<T>)pass).Moments);
        // dX = r (dX̂ - mean(dX̂) - x̂ mean(dX̂ x̂)), dX̂ = dY w      dw += sum over rows of dY x̂      db += sum over rows of dY
        RowNormalization.Backward(true, pass.Input.Span(), dY.Span(), Values(Weight), moments, Gradients(Weight), Gradients(Bias), dX is null ? [] : dX.Span(), dY.RowCount, dY.ColumnCount);
        return dX;
    }

    private static Span<T> Values(Parameter<T>? parameter) => parameter is null ? [] : parameter.Values;

    private static Span<T> Gradients(Parameter<T>? parameter) => parameter is null or { Frozen: true } ? [] : parameter.Gradients;
}

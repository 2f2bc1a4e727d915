using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>Root mean square normalisation: y = x̂ w, where x̂ is x with mean square 1 in each sample.</summary>
/// <remarks>
/// <para>x̂ = x r and r = 1/√(mean(x²) + ε), with the mean over the sample's own m features: a <see cref="LayerNorm{T}"/> that does not centre.</para>
/// <para>Shapes: x (n x m), w (m), y (n x m). Training and evaluation do the same.</para>
/// <para>Derivatives, with dX̂ = dY w: dX = r (dX̂ - x̂ mean(dX̂ x̂)), dw += the sum over the rows of dY x̂. CHAIN-RULE.md, "RMSNorm".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.RMSNorm.html">torch.nn.RMSNorm</see>.
/// Source: B. Zhang and R. Sennrich, Root mean square layer normalization, NeurIPS 2019.</para>
/// </remarks>
/// <example><code>var y = new RMSNorm&lt;double&gt;(64).Forward(x);   // x and y are n x 64</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class RMSNorm<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer with w = 1.</summary>
    /// <param name="normalizedShape">m, the columns of the input, at least 1.</param>
    /// <param name="epsilon">ε, at least 0. Where none is given, the distance from 1 to the next <typeparamref name="T"/>, 2^-52 in double and 2^-23 in float, as in PyTorch.</param>
    /// <param name="elementwiseAffine">Whether to learn w.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1, or ε is negative or not finite.</exception>
    public RMSNorm(int normalizedShape, double? epsilon = null, bool elementwiseAffine = true)
    {
        NormalizedShape = Expect.Positive(Invariant($"RMSNorm({normalizedShape})"), normalizedShape, nameof(normalizedShape));
        Epsilon = Expect.AtLeastZero(Invariant($"RMSNorm({normalizedShape})"), epsilon ?? MachineEpsilon, nameof(epsilon));
        if (elementwiseAffine) Weight = Register(new VectorParameter<T>("weight", normalizedShape));
        Weight?.Values.Fill(T.One);
    }

    /// <summary>w, m; null without.</summary>
    public VectorParameter<T>? Weight { get; }

    /// <summary>m, the columns of the input.</summary>
    public int NormalizedShape { get; }

    /// <summary>ε.</summary>
    public double Epsilon { get; }

    /// <inheritdoc/>
    public override int? InputColumns => NormalizedShape;

    /// <inheritdoc/>
    public override string Formula => $"y = xhat{(Weight is null ? "" : " w")},  xhat = x r,  r = 1/sqrt(mean(x^2) + eps),  mean over each row";

    /// <inheritdoc/>
    public override string Derivative => $"dX = r (dXhat - xhat mean(dXhat xhat)),  dXhat = dY{(Weight is null ? "" : " w,  dw += sum over rows of dY xhat")}";

    private static double MachineEpsilon => double.CreateChecked(T.BitIncrement(T.One) - T.One);

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new MomentsPass<T>(this, training);

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("RMSNorm", $"{NormalizedShape}", Epsilon == MachineEpsilon ? "" : $"epsilon {Signature.Number(Epsilon)}", Weight is null ? "not affine" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var (y, moments) = (pass.NewOutput(x.RowCount, x.ColumnCount), ((MomentsPass<T>)pass).Moments);
        // y = x r w
        RowNormalization.Forward(false, T.CreateSaturating(Epsilon), x.Span(), Weight is null ? [] : Weight.Values, [], moments, y.Span(), x.RowCount, x.ColumnCount);
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var (dX, moments) = (pass.NeedsInputGradient ? pass.NewInputGradient() : null, ((MomentsPass<T>)pass).Moments);
        // dX = r (dX̂ - x̂ mean(dX̂ x̂)), dX̂ = dY w      dw += sum over rows of dY x̂
        RowNormalization.Backward(
            false, pass.Input.Span(), dY.Span(), Weight is null ? [] : Weight.Values, moments, Weight is null or { Frozen: true } ? [] : Weight.Gradients, [], dX is null ? [] : dX.Span(), dY.RowCount, dY.ColumnCount);
        return dX;
    }
}

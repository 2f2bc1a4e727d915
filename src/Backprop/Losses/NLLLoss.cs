using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The negative log-likelihood of the classes under a prediction of log-probabilities: of a sample of class y, l = -w_y p_y.</summary>
/// <remarks>
/// <para>Derivative: dl/dp_y = -w_y, and 0 for every other class. CHAIN-RULE.md, "NLLLoss".</para>
/// <para>The prediction comes from a LogSoftmax. Both in one is <see cref="CrossEntropyLoss{T}"/>. Twin:
/// <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html">torch.nn.NLLLoss</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="weight">The weight of each class, finite and at least 0; null when they weigh the same. Copied.</param>
/// <param name="ignoreIndex">The class of samples that count nowhere.</param>
/// <param name="reduction">Mean, over the weights of the samples' classes, or sum.</param>
/// <exception cref="ArgumentException">There is no weight, or one is negative, infinite or NaN.</exception>
public sealed class NLLLoss<T>(Vector<T>? weight = null, int ignoreIndex = -100, Reduction reduction = Reduction.Mean)
    : ClassificationLoss<T>(weight, ignoreIndex, reduction) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => Reduction == Reduction.Mean ? "L = sum -w_y p_y / sum w_y" : "L = sum -w_y p_y";

    /// <inheritdoc/>
    public override string Derivative => Reduction == Reduction.Mean ? "dL/dp_c = -w_y [c = y] / sum w_y" : "dL/dp_c = -w_y [c = y]";

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("NLLLoss", SumText, Entries.Text("weight", Weight), IgnoreIndex == -100 ? "" : $"ignoreIndex: {Signature.Number(IgnoreIndex)}");

    /// <inheritdoc/>
    protected override void Losses(Matrix<T> prediction, ClassTargets<T> targets, int first, Span<T> losses)
    {
        var p = prediction.Span();
        for (var i = 0; i < losses.Length; i++)
        {
            var y = targets[first + i];
            losses[i] = y == IgnoreIndex ? T.Zero : -WeightOf(y) * p[first + i + y * prediction.RowCount];
        }
    }

    /// <inheritdoc/>
    protected override void Gradient(Matrix<T> prediction, ClassTargets<T> targets, ReadOnlySpan<T> dLosses, T dL, Matrix<T> dPrediction)
    {
        var dP = dPrediction.Span();
        dP.Clear();
        for (var i = 0; i < prediction.RowCount; i++)
        {
            var y = targets[i];
            if (y != IgnoreIndex) dP[i + y * prediction.RowCount] = -WeightOf(y) * (dLosses.IsEmpty ? dL : dLosses[i]);
        }
    }
}

using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A loss that compares each entry of the prediction with the entry of the target at the same place: L = the mean or the sum of l(p, t).</summary>
/// <remarks>
/// <para>Each subclass is l(p, t), its derivative dl/dp, and what they mean; all else is here. The mean divides by N, the number of
/// entries, not of samples: of a 4 x 3 prediction it is 12.</para>
/// <para>The order of the additions depends on the number of entries alone, neither on where they lie in memory nor on the width of the machine's vectors.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class ElementwiseLoss<T> : Loss<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly EntryLosses<T> _entries;

    private protected ElementwiseLoss(EntryLosses<T> entries, Reduction reduction) : base(reduction) => _entries = entries;

    /// <inheritdoc/>
    public sealed override string Formula => $"L = {(Reduction == Reduction.Mean ? $"1/{Divisor} " : "")}sum {Entry}";

    /// <inheritdoc/>
    public sealed override string Derivative => $"dL/dp = {EntryDerivative}{(Reduction == Reduction.Mean ? $" / {Divisor}" : "")}";

    /// <summary>l(p, t), as a text that can stand behind a sum.</summary>
    private protected abstract string Entry { get; }

    /// <summary>dl/dp, as a text that can stand before a division.</summary>
    private protected abstract string EntryDerivative { get; }

    /// <summary>What the mean divides by, in the formulas.</summary>
    private protected virtual string Divisor => "N";

    /// <summary>What the mean divides by.</summary>
    private protected virtual double Count(Matrix<T> prediction) => (double)prediction.RowCount * prediction.ColumnCount;

    /// <inheritdoc/>
    protected sealed override T ForwardCore(Matrix<T> prediction, Matrix<T> target)
    {
        var sum = _entries.Sum(prediction.Span(), target.Span());
        return T.CreateTruncating(Reduction == Reduction.Mean ? sum / Count(prediction) : sum);
    }

    /// <inheritdoc/>
    protected sealed override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction)
    {
        var dL = T.CreateTruncating(Reduction == Reduction.Mean ? 1 / Count(prediction) : 1);
        _entries.Gradient(prediction.Span(), target.Span(), dL, dPrediction.Span());
    }

    /// <inheritdoc/>
    protected sealed override void UnreducedCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> losses) =>
        _entries.Losses(prediction.Span(), target.Span(), losses.Span());

    /// <inheritdoc/>
    protected sealed override void UnreducedBackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dLosses, Matrix<T> dPrediction) =>
        _entries.Gradient(prediction.Span(), target.Span(), dLosses.Span(), dPrediction.Span());
}

using System.Numerics;
using System.Runtime.InteropServices;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The loss of several batches, as if they were one: sums and divisors are added, term by term, and means are never averaged.</summary>
internal readonly struct LossTotal<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Loss<T> _loss;
    private readonly LossTerm[] _terms, _batch;

    internal LossTotal(Loss<T> loss) => (_loss, _terms, _batch) = (loss, new LossTerm[loss.TermCount], new LossTerm[loss.TermCount]);

    /// <summary>The loss over all that was added; a mean over nothing is NaN.</summary>
    internal double Value => LossTerm.Total(_terms, _loss.Reduction);

    /// <summary>Each term's sum and divisor, for a checkpoint.</summary>
    internal Span<double> State => MemoryMarshal.Cast<LossTerm, double>(_terms.AsSpan());

    /// <summary>Adds a batch's loss, which is known already. Nothing where nothing in it counts: the mean of that would be NaN.</summary>
    internal void Add(T loss, double divisor, Matrix<T> prediction, Matrix<T> target)
    {
        if (divisor == 0) return;
        if (_terms.Length == 1) _batch[0] = new(double.CreateChecked(loss) * (_loss.Reduction == Reduction.Sum ? 1 : divisor), divisor);
        else _loss.Terms(prediction, target, _batch);
        for (var i = 0; i < _terms.Length; i++) _terms[i] += _batch[i];
    }

    internal void Clear() => Array.Clear(_terms);
}

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

    /// <summary>What the loss's parts come to over all that was added.</summary>
    internal IReadOnlyDictionary<string, double> Parts => _loss.PartsOf(_terms);

    /// <summary>Each term's sum and divisor, for a checkpoint.</summary>
    internal Span<double> State => MemoryMarshal.Cast<LossTerm, double>(_terms.AsSpan());

    /// <summary>Adds a batch's loss, which is known already. Nothing where nothing in it counts: the mean of that would be NaN.</summary>
    internal void Add(T loss, double divisor, Matrix<T> prediction, Matrix<T> target)
    {
        Take(loss, divisor, prediction, target, _batch);
        Add(_batch);
    }

    /// <summary>Adds a batch's terms.</summary>
    internal void Add(ReadOnlySpan<LossTerm> terms)
    {
        for (var i = 0; i < _terms.Length; i++) _terms[i] += terms[i];
    }

    /// <summary>The terms of a batch's loss, which is known already; 0 where nothing in it counts.</summary>
    internal void Take(T loss, double divisor, Matrix<T> prediction, Matrix<T> target, Span<LossTerm> terms)
    {
        if (divisor == 0) terms.Clear();
        else if (terms.Length == 1) terms[0] = new(double.CreateChecked(loss) * (_loss.Reduction == Reduction.Sum ? 1 : divisor), divisor);
        else _loss.Terms(prediction, target, terms);
    }

    internal void Clear() => Array.Clear(_terms);
}

using System.Numerics;

namespace Backprop;

/// <summary>The loss of several batches, as if they were one: sums and divisors are added, means are never averaged.</summary>
internal struct LossTotal
{
    private readonly bool _sums;

    internal LossTotal(Reduction reduction) => _sums = reduction == Reduction.Sum;

    /// <summary>The sum over all that has counted.</summary>
    internal double Sum { get; set; }

    /// <summary>What their mean divides by.</summary>
    internal double Divisor { get; set; }

    /// <summary>The loss over all that was added; a mean over nothing is NaN.</summary>
    internal readonly double Value => _sums ? Sum : Sum / Divisor;

    /// <summary>Adds a batch's loss. Nothing where nothing in it counts: the mean of that would be NaN.</summary>
    internal void Add<T>(T loss, double divisor) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (divisor == 0) return;
        Sum += double.CreateChecked(loss) * (_sums ? 1 : divisor);
        Divisor += divisor;
    }

    internal void Clear() => (Sum, Divisor) = (0, 0);
}

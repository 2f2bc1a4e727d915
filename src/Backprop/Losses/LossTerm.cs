using System.Globalization;

namespace Backprop;

/// <summary>A loss as it adds up over batches: a sum, and what its mean divides by. See <see cref="Loss{T}.Terms"/>.</summary>
/// <param name="Sum">The loss times the divisor; of a sum, the loss itself. 0 where nothing counts.</param>
/// <param name="Divisor">What the mean divides by: entries, samples or weights that count.</param>
public readonly record struct LossTerm(double Sum, double Divisor)
{
    /// <summary>In numbers: <c>12.5 / 4</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Sum} / {Divisor}");

    /// <summary>Two batches as if they were one.</summary>
    /// <param name="a">The one.</param>
    /// <param name="b">The other.</param>
    public static LossTerm operator +(LossTerm a, LossTerm b) => new(a.Sum + b.Sum, a.Divisor + b.Divisor);

    /// <inheritdoc cref="op_Addition"/>
    public static LossTerm Add(LossTerm a, LossTerm b) => a + b;

    /// <summary>The loss that its terms make: the sum of their sums or of their means. A term in which nothing counts is left out; where none counts, a mean is NaN.</summary>
    /// <param name="terms">The terms.</param>
    /// <param name="reduction">Whether they are means or sums.</param>
    public static double Total(ReadOnlySpan<LossTerm> terms, Reduction reduction)
    {
        var (total, counts) = (0.0, reduction == Reduction.Sum);
        foreach (var (sum, divisor) in terms)
        {
            if (reduction == Reduction.Sum) total += sum;
            else if (divisor != 0) (total, counts) = (total + sum / divisor, true);
        }

        return counts ? total : double.NaN;
    }
}

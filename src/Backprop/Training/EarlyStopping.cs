using System.Globalization;

namespace Backprop;

/// <summary>Stops a training that no longer gets better, and says which epoch was the best.</summary>
/// <remarks>
/// <para>What is watched is the validation loss, or the training loss where there is no validation, or a metric on the validation samples.</para>
/// <para>A number is always better than NaN, and NaN is never better than a number: an epoch whose loss is none counts as one that was not better.</para>
/// </remarks>
/// <param name="Patience">Epochs in a row without a better value after which to stop, at least 1.</param>
/// <param name="MinDelta">By how much a value must be better than the best one to count as better, at least 0.</param>
/// <param name="RestoreBest">Whether the model gets back, when the training ends, what it knew after its best epoch: however it ends, early or not.</param>
/// <param name="Metric">The name of the metric to watch; null watches the loss. <see cref="Metric{T}.GreaterIsBetter"/> says which way it gets better.</param>
/// <exception cref="ArgumentOutOfRangeException">The patience is below 1, or the delta is negative or not finite.</exception>
public sealed record EarlyStopping(int Patience, double MinDelta = 0, bool RestoreBest = true, string? Metric = null)
{
    /// <summary>Epochs in a row without a better value after which to stop.</summary>
    public int Patience { get; } = Expect.Positive("EarlyStopping", Patience, nameof(Patience));

    /// <summary>By how much a value must be better than the best one to count as better.</summary>
    public double MinDelta { get; } = Expect.AtLeastZero("EarlyStopping", MinDelta, nameof(MinDelta));

    /// <summary>Never stops, but gives the model back, when the training ends, what it knew after its best epoch.</summary>
    /// <param name="metric">The name of the metric to watch; null watches the loss.</param>
    /// <param name="minDelta">By how much a value must be better than the best one to count as better, at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The delta is negative or not finite.</exception>
    public static EarlyStopping BestOnly(string? metric = null, double minDelta = 0) => new(int.MaxValue, minDelta, RestoreBest: true, metric);

    /// <summary>As the constructor reads.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"EarlyStopping({Patience}, {MinDelta:R}{(RestoreBest ? "" : ", best not restored")}{(Metric is null ? "" : $", {Metric}")})");
}

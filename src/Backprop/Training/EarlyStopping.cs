using System.Globalization;

namespace Backprop;

/// <summary>Stops a training that no longer gets better: by its validation loss, or its training loss where there is no validation.</summary>
/// <param name="Patience">Epochs in a row without a better loss after which to stop, at least 1.</param>
/// <param name="MinDelta">By how much a loss must be lower than the best one to be better, at least 0.</param>
/// <param name="RestoreBest">Whether the model gets back, when it is stopped, what it knew after its best epoch.</param>
/// <exception cref="ArgumentOutOfRangeException">The patience is below 1, or the delta is negative or not finite.</exception>
public sealed record EarlyStopping(int Patience, double MinDelta = 0, bool RestoreBest = true)
{
    /// <summary>Epochs in a row without a better loss after which to stop.</summary>
    public int Patience { get; } = Expect.Positive("EarlyStopping", Patience, nameof(Patience));

    /// <summary>By how much a loss must be lower than the best one to be better.</summary>
    public double MinDelta { get; } = Expect.AtLeastZero("EarlyStopping", MinDelta, nameof(MinDelta));

    /// <summary>As the constructor reads.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"EarlyStopping({Patience}, {MinDelta:R}{(RestoreBest ? "" : ", best not restored")})");

    internal bool IsBetter(EpochResult result, EpochResult? best) => best is null || Watched(result) < Watched(best) - MinDelta;

    private static double Watched(EpochResult result) => result.ValidationLoss ?? result.TrainingLoss;
}

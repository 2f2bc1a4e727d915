using System.Globalization;

namespace Backprop;

/// <summary>What an epoch came to.</summary>
/// <param name="Epoch">Its number, from 1.</param>
/// <param name="LearningRate">The learning rate it ended with (of the first group).</param>
/// <param name="TrainingLoss">The mean loss over its samples, each taken before the step it was part of.</param>
/// <param name="ValidationLoss">The loss on the validation samples after it; null without any.</param>
/// <param name="Metrics">The metrics on the validation samples after it.</param>
public sealed record EpochResult(int Epoch, double LearningRate, double TrainingLoss, double? ValidationLoss, IReadOnlyDictionary<string, double> Metrics);

/// <summary>The epochs of a training.</summary>
/// <param name="Epochs">The epochs, first to last.</param>
public sealed record History(IReadOnlyList<EpochResult> Epochs)
{
    /// <summary>Writes the epochs as CSV: a header, then a line each, numbers with all their digits.</summary>
    /// <param name="writer">Where to.</param>
    public void WriteCsv(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        var metrics = Epochs.SelectMany(epoch => epoch.Metrics.Keys).Distinct().ToArray();
        writer.Write(string.Join(',', (string[])["epoch", "learning_rate", "training_loss", "validation_loss", .. metrics]) + "\n");
        foreach (var epoch in Epochs)
        {
            double?[] numbers = [epoch.LearningRate, epoch.TrainingLoss, epoch.ValidationLoss, .. metrics.Select(name => epoch.Metrics.TryGetValue(name, out var value) ? value : (double?)null)];
            writer.Write(string.Create(CultureInfo.InvariantCulture, $"{epoch.Epoch},{string.Join(',', numbers.Select(number => number?.ToString("R", CultureInfo.InvariantCulture)))}\n"));
        }
    }

    internal History With(EpochResult epoch) => new([.. Epochs, epoch]);

    /// <summary>The index of the epoch with the lowest loss (validation, else training), where a later one must be lower by more than a delta.</summary>
    internal int BestEpoch(double minDelta)
    {
        var best = -1;
        for (var i = 0; i < Epochs.Count; i++)
            if (best < 0 || Watched(i) < Watched(best) - minDelta) best = i;
        return best;

        double Watched(int i) => Epochs[i].ValidationLoss ?? Epochs[i].TrainingLoss;
    }
}

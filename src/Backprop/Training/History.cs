using System.Globalization;

namespace Backprop;

/// <summary>What an epoch came to.</summary>
/// <param name="Epoch">Its number, from 1.</param>
/// <param name="LearningRate">The learning rate it ended with (of the first group).</param>
/// <param name="TrainingLoss">The mean of its batches' losses, each counted by its samples, and each taken before the step it led to.</param>
/// <param name="ValidationLoss">The loss on the validation samples after it; null without any.</param>
/// <param name="Metrics">The metrics on the validation samples after it.</param>
public sealed record EpochResult(int Epoch, double LearningRate, double TrainingLoss, double? ValidationLoss, IReadOnlyDictionary<string, double> Metrics);

/// <summary>The epochs of a training.</summary>
/// <param name="Epochs">The epochs, first to last.</param>
public sealed record History(IReadOnlyList<EpochResult> Epochs)
{
    /// <summary>Writes the epochs as CSV (RFC 4180, lines end with a line feed): a header, then a line each, numbers with all their digits.</summary>
    /// <param name="writer">Where to.</param>
    /// <exception cref="ArgumentNullException"><paramref name="writer"/> is null.</exception>
    public void WriteCsv(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        var metrics = Epochs.SelectMany(epoch => epoch.Metrics.Keys).Distinct().ToArray();
        Write("epoch", "learning_rate", "training_loss", "validation_loss", [.. metrics.Select(Quoted)]);
        foreach (var epoch in Epochs)
            Write($"{epoch.Epoch}", Text(epoch.LearningRate), Text(epoch.TrainingLoss), Text(epoch.ValidationLoss),
                [.. metrics.Select(name => epoch.Metrics.TryGetValue(name, out var value) ? Text(value) : "")]);

        void Write(string epoch, string rate, string training, string validation, string[] rest) =>
            writer.Write(string.Join(',', (string[])[epoch, rate, training, validation, .. rest]) + "\n");
    }

    private static string Text(double? value) => value?.ToString("R", CultureInfo.InvariantCulture) ?? "";

    private static string Quoted(string name) => name.AsSpan().ContainsAny(",\"\r\n") ? $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : name;
}

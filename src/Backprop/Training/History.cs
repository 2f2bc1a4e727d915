using System.Globalization;

namespace Backprop;

/// <summary>The epochs of a training so far. It does not change when the training goes on.</summary>
/// <param name="Epochs">The epochs, first to last.</param>
public sealed record History(IReadOnlyList<EpochResult> Epochs)
{
    /// <summary>The best epoch, by what <see cref="EarlyStopping"/> watches; without it, by the validation loss, or else the training loss. Null before the first.</summary>
    public EpochResult? Best { get; init; }

    /// <summary>Why the training ended; null while it has not: before, in its midst, and after a cancellation or an exception.</summary>
    public EndReason? EndReason { get; init; }

    /// <summary>What is suspicious, in words, each thing once: that a validation loss is not finite, and since when.</summary>
    public IReadOnlyList<string> Warnings => Epochs.FirstOrDefault(IsSuspicious) is { } first ? [Warning(first)] : [];

    /// <summary>In a line: how many epochs, which was the best, and how it ended.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Epochs.Count} epochs{(Best is null ? "" : $", the best {Best.Epoch}")}{(EndReason is null ? "" : $", ended by {EndReason}")}");

    internal static bool IsSuspicious(EpochResult epoch) => epoch.ValidationLoss is double loss && !double.IsFinite(loss);

    internal static string Warning(EpochResult epoch) => string.Create(CultureInfo.InvariantCulture,
        $"The validation loss of epoch {epoch.Epoch} is {epoch.ValidationLoss}, though the training went on: look for such values in the validation samples. An epoch without a number is never the best.");

    /// <summary>Writes the epochs as CSV (RFC 4180, lines end with a line feed): a header, then a line each, numbers with all their digits.</summary>
    /// <param name="writer">Where to.</param>
    /// <exception cref="ArgumentNullException"><paramref name="writer"/> is null.</exception>
    public void WriteCsv(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        var metrics = Epochs.SelectMany(epoch => epoch.Metrics.Keys).Distinct().ToArray();
        var parts = Epochs.SelectMany(epoch => epoch.TrainingParts.Keys).Distinct().ToArray();
        Write("epoch", "learning_rate", "training_loss", "validation_loss", [.. metrics.Select(Quoted), .. parts.Select(name => Quoted($"training_loss.{name}"))]);
        foreach (var epoch in Epochs)
            Write($"{epoch.Epoch}", Text(epoch.LearningRate), Text(epoch.TrainingLoss), Text(epoch.ValidationLoss),
                [.. metrics.Select(name => Value(epoch.Metrics, name)), .. parts.Select(name => Value(epoch.TrainingParts, name))]);

        void Write(string epoch, string rate, string training, string validation, string[] rest) =>
            writer.Write(string.Join(',', (string[])[epoch, rate, training, validation, .. rest]) + "\n");
    }

    private static string Value(IReadOnlyDictionary<string, double> values, string name) => values.TryGetValue(name, out var value) ? Text(value) : "";

    private static string Text(double? value) => value?.ToString("R", CultureInfo.InvariantCulture) ?? "";

    private static string Quoted(string name) => name.AsSpan().ContainsAny(",\"\r\n") ? $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : name;
}

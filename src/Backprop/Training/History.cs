using System.Globalization;

namespace Backprop;

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

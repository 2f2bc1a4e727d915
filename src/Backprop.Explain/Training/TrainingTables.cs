using System.Globalization;
using static System.FormattableString;

namespace Backprop.Explain;

/// <summary>What all three forms of a report say, before it is escaped.</summary>
internal static class TrainingTables
{
    internal const string Title = "The story of a training";

    private const int MostOfModel = 240;

    internal const string LayersNote = "Gradient: the norm of that of the parameters, in the median of the first quarter of the steps looked at and of the last (at the end). " + OtherColumns;

    internal const string OtherColumns = "Update: the norm of what a step changes over that of the weights, about 0.001 is usual; "
        + "dL/dy: the norm of the output's gradient; both in the median of all steps. Dead: units whose derivative was 0 for each sample of late. Saturated: entries at which the derivative is at most 0.01.";

    /// <summary>What was trained, and how long: a few sentences.</summary>
    internal static IEnumerable<string> Summary(TrainingRecord record)
    {
        if (record.Model is { } model) yield return $"Model: {(model.Length <= MostOfModel ? model : $"{model[..(char.IsHighSurrogate(model[MostOfModel - 1]) ? MostOfModel - 1 : MostOfModel)]}… (all its layers are below)")}.";
        if (record.Loss is not null) yield return $"Loss: {record.Loss}. Optimizer: {record.Optimizer}.";
        var history = record.History;
        var end = history.EndReason switch
        {
            EndReason.Epochs => "All epochs that were asked for are over",
            EndReason.EarlyStopping => "It was stopped early, since no epoch was better",
            EndReason.Stopped => "A callback stopped it",
            _ => record.Failure is null ? "It has not ended" : "A number that is not finite ended it",
        };
        yield return $"{Say.Of(history.Epochs.Count, "epoch")}{(history.Best is { } best ? Invariant($", the best {best.Epoch}") : "")}. {end}.";
        if (record.Steps > 0) yield return $"{Say.Of(record.Steps, "step")}, of which {Say.Count(record.Samples.Count)} are kept here. {Say.Of(record.Learning ?? 0, "number")} learn{(record.Learning == 1 ? "s" : "")}{(record.Frozen > 0 ? $", {Say.Count(record.Frozen)} are frozen" : "")}.";
        if (record.ConstantLoss is double constant) yield return $"The best prediction that is the same for every sample has a loss of {Say.Number(constant)}.";
    }

    /// <summary>Every series over the epochs: its name and its values, null where an epoch has none.</summary>
    internal static IReadOnlyList<(string Name, double?[] Values)> Series(History history)
    {
        var epochs = history.Epochs;
        var series = new List<(string, double?[])> { ("learning rate", [.. epochs.Select(epoch => (double?)epoch.LearningRate)]), ("training loss", [.. epochs.Select(epoch => (double?)epoch.TrainingLoss)]) };
        if (epochs.Any(epoch => epoch.ValidationLoss is not null)) series.Add(("validation loss", [.. epochs.Select(epoch => epoch.ValidationLoss)]));
        series.AddRange(Parts(history));
        series.AddRange(Metrics(history));
        return series;
    }

    internal static IEnumerable<(string Name, double?[] Values)> Parts(History history) =>
        history.Epochs.SelectMany(epoch => epoch.TrainingParts.Keys).Distinct().Select(name => ($"part {name}", history.Epochs.Select(epoch => epoch.TrainingParts.TryGetValue(name, out var value) ? value : (double?)null).ToArray()));

    internal static IEnumerable<(string Name, double?[] Values)> Metrics(History history) =>
        history.Epochs.SelectMany(epoch => epoch.Metrics.Keys).Distinct().Select(name => (name, history.Epochs.Select(epoch => epoch.Metrics.TryGetValue(name, out var value) ? value : (double?)null).ToArray()));

    /// <summary>The epochs to show where there is room for so many: evenly, the first and the last among them.</summary>
    internal static int[] Some(int count, int most) => count <= most ? [.. Enumerable.Range(0, count)] : [.. Enumerable.Range(0, most).Select(i => (int)((long)i * (count - 1) / (most - 1)))];

    /// <summary>The table of epochs: a head, and a row each.</summary>
    internal static (string[] Head, string[][] Rows) Epochs(History history, int most)
    {
        var series = Series(history);
        return (["epoch", .. series.Select(one => one.Name)],
            [.. Some(history.Epochs.Count, most).Select(i => (string[])[history.Epochs[i].Epoch.ToString(CultureInfo.InvariantCulture), .. series.Select(one => one.Values[i] is double value ? Say.Number(value) : "")])]);
    }

    internal static readonly string[] LayersHead = ["layer", "gradient", "at the end", "update", "dL/dy", "dead", "saturated"];

    /// <summary>The table of layers: a row each.</summary>
    internal static string[][] Layers(TrainingRecord record) =>
    [
        .. record.Layers.Select((layer, i) => (string[])
        [
            layer.Path.Length > 0 ? $"{layer.Path} {layer.Description}" : layer.Description,
            layer is { Learning: 0, Frozen: > 0 } ? "frozen" : Number(TrainingRecord.Median(Quarter(record, i, sample => sample.Gradient, last: false))),
            Number(TrainingRecord.Median(Quarter(record, i, sample => sample.Gradient, last: true))),
            Number(TrainingRecord.Median(record.Of(i, sample => sample.Update))),
            Number(TrainingRecord.Median(record.Of(i, sample => sample.OutputGradient))),
            Share(record.Of(i, sample => sample.Dead)),
            Share(record.Of(i, sample => sample.Saturated)),
        ]),
    ];

    /// <summary>The findings' place in the training, in brackets; nothing where they have none.</summary>
    internal static string Place(Finding finding) => (finding.Epoch, finding.Batch) switch
    {
        (int epoch, int batch) => Invariant($"epoch {epoch}, batch {batch}"),
        (int epoch, null) => Invariant($"epoch {epoch}"),
        _ => "",
    };

    /// <summary>What was looked for and not found.</summary>
    internal static string NotFound(TrainingReport report) => report.NotFound.Count == 0 ? "" : $"{(report.Findings.Count == 0 ? "Looked for" : "Also looked for, and not found")}: {string.Join(", ", report.NotFound)}.";

    private static IEnumerable<double> Quarter(TrainingRecord record, int layer, Func<LayerSample, double> of, bool last)
    {
        var values = record.Of(layer, of);
        var quarter = (values.Count + 3) / 4;
        return last ? values.Skip(values.Count - quarter) : values.Take(quarter);
    }

    private static string Number(double value) => double.IsNaN(value) ? "" : Say.Short(value);

    private static string Share(IReadOnlyList<double> values) => values.Count == 0 ? "" : Say.Share(values[^1]).Replace("under ", "< ", StringComparison.Ordinal).Replace("over ", "> ", StringComparison.Ordinal);
}

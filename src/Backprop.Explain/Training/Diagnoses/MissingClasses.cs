using static System.FormattableString;

namespace Backprop.Explain;

/// <summary>Classes that training samples have and that the model never predicts.</summary>
/// <remarks>After at least 3 epochs and 20 steps, a class of which 10 or more would be expected among the samples looked at of late, by its share of the targets: that there is none by chance is then less likely than 1 in 20,000. Not while the training loss still falls by a
/// hundredth of itself from one quarter of the epochs to the next: what is rare comes last.</remarks>
public sealed class MissingClasses : Diagnosis
{
    private const double Expected = 10, Fall = 0.01;
    private const int FewestEpochs = 3, FewestSteps = 20, Shown = 8;

    /// <inheritdoc/>
    public override string Name => "classes that are never predicted";

    /// <inheritdoc/>
    public override IEnumerable<Finding> Examine(TrainingRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (record.History.Epochs.Count < FewestEpochs || record.Steps < FewestSteps || record.FallsBy(epoch => epoch.TrainingLoss) >= Fall * Math.Abs(record.History.Epochs[^1].TrainingLoss)) yield break;
        var all = record.Classes.Sum(one => (double)one.Samples);
        var missing = record.Classes.Where(one => one.RowsSincePredicted >= record.Window && one.Samples / all * record.Window >= Expected).ToArray();
        if (missing.Length == 0) yield break;
        var shown = missing.Take(Shown).Select(one => Invariant($"{one.Index} ({Say.Share(one.Samples / all)} of the targets)")).ToArray();
        yield return new(Invariant($"{missing.Length} of {record.Classes.Count} classes {(missing.Length == 1 ? "is" : "are")} never predicted"),
            $"None of the last {Say.Of(record.Window, "sample")} looked at was predicted to be of class {Say.List(missing.Length > Shown ? [.. shown, "others"] : shown)}.",
            "Where they are rare, draw them more often (Batches.SamplingWeights) or give the loss weights; else look at the targets.");
    }
}

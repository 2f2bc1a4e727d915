namespace Backprop.Explain;

/// <summary>A model in which nothing learns, since all of it is frozen.</summary>
public sealed class EverythingFrozen : Diagnosis
{
    /// <inheritdoc/>
    public override string Name => "everything frozen";

    /// <inheritdoc/>
    public override IEnumerable<Finding> Examine(TrainingRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (record is { Learning: 0, Frozen: > 0 })
            yield return new("Everything is frozen", $"Of the model's {Say.Of(record.Frozen, "number")}, none learns: a step changes nothing.", "Unfreeze what shall learn, such as the last layer: model[\"head\"].Unfreeze().");
    }
}

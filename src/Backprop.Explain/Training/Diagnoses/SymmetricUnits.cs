namespace Backprop.Explain;

/// <summary>A layer all of whose units have the same weights, so that they learn the same: it is as wide as one.</summary>
public sealed class SymmetricUnits : Diagnosis
{
    private const int FewestSamples = 3;    // an output layer that begins with zeros differs from the first step on

    /// <inheritdoc/>
    public override string Name => "symmetric units";

    /// <inheritdoc/>
    public override IEnumerable<Finding> Examine(TrainingRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (record.Samples.Count < FewestSamples) yield break;
        foreach (var layer in record.Layers.Where(layer => layer.EqualRows is not null))
            yield return new($"{Upper(layer.Name)}: all its units have the same weights", $"After {Say.Of(record.Samples[^1].Step, "step")} all {Say.Count(layer.Units)} rows of its {layer.EqualRows} are still equal: equal units get equal gradients and stay equal.",
                "Initialise the weights at random, as the layer does by itself; constants are for biases.")
            { Layer = layer.Path };
    }
}

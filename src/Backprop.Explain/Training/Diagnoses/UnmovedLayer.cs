namespace Backprop.Explain;

/// <summary>A layer that is not frozen, but whose parameters have a gradient of exactly 0 at each step.</summary>
public sealed class UnmovedLayer : Diagnosis
{
    private const int FewestSamples = 3;

    /// <inheritdoc/>
    public override string Name => "a layer that gets no gradient";

    /// <inheritdoc/>
    public override IEnumerable<Finding> Examine(TrainingRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        for (var i = 0; i < record.Layers.Count; i++)
        {
            var gradients = record.Layers[i].Learning > 0 ? record.Of(i, sample => sample.Gradient) : [];
            if (gradients.Count < FewestSamples || gradients.Any(gradient => gradient != 0)) continue;
            yield return new($"{Upper(record.Layers[i].Name)} gets no gradient", $"It is not frozen, but the gradient of its {Say.Of(record.Layers[i].Learning, "number")} was exactly 0 at all {Say.Of(gradients.Count, "step")} looked at.",
                "Look at what comes after it: dead units, weights of 0, a part of the loss with weight 0, or an output that the loss does not see. Freeze it where that is meant.")
            { Layer = record.Layers[i].Path };
        }
    }
}

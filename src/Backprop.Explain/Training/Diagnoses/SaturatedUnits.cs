using static System.FormattableString;

namespace Backprop.Explain;

/// <summary>An activation that is flat at both ends, such as a sigmoid or a tanh, and works mostly there.</summary>
/// <remarks>From half of the entries on, in the median of the last half of the steps: half of what the layer is given then loses at least two digits on its way back (X. Glorot and Y. Bengio, Understanding the difficulty of training deep
/// feedforward neural networks, AISTATS 2010). The model's output is left out: a sure prediction is saturated. So is a layer that is dead, which is worse.</remarks>
public sealed class SaturatedUnits : Diagnosis
{
    private const double Many = 0.5;
    private const int FewestSamples = 3;

    /// <inheritdoc/>
    public override string Name => "saturated units";

    /// <inheritdoc/>
    public override IEnumerable<Finding> Examine(TrainingRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        for (var i = 0; i < record.Layers.Count; i++)
        {
            var shares = record.Of(i, sample => sample.Saturated, from: 0.5);
            if (record.Layers[i].IsOutput || record.Of(i, sample => sample.Dead) is [.., > DeadUnits.Many] || shares.Count < FewestSamples || !(TrainingRecord.Median(shares) is var share && share >= Many)) continue;
            var first = record.Samples.First(sample => sample.Layers[i].Saturated >= Many);
            yield return new($"{Upper(record.Layers[i].Name)}: {Say.Share(share)} of its outputs are saturated",
                Invariant($"So many of its entries have a derivative of at most 0.01 (median of the last {Say.Of(shares.Count, "step")} looked at); half or more first in epoch {first.Epoch}, batch {first.Batch}."),
                "Try smaller initial weights (Init.XavierUniform), inputs of mean 0 and deviation 1, a smaller learning rate, or a LayerNorm or BatchNorm1d before it.")
            { Layer = record.Layers[i].Path, Epoch = first.Epoch, Batch = first.Batch };
        }
    }
}

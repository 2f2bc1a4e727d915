namespace Backprop.Explain;

/// <summary>A model that says the same for every sample.</summary>
/// <remarks>Where predictions of one batch differ by at most 0.01 % of their size, in the median of the second half of the steps.</remarks>
public sealed class ConstantOutput : Diagnosis
{
    private const double Same = 1e-4;
    private const int FewestSamples = 3;

    /// <inheritdoc/>
    public override string Name => "a constant output";

    /// <inheritdoc/>
    public override IEnumerable<Finding> Examine(TrainingRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        var spreads = record.Later(0.5).Select(sample => sample.OutputSpread).Where(spread => !double.IsNaN(spread)).ToArray();
        if (spreads.Length < FewestSamples || TrainingRecord.Median(spreads) is var spread && spread > Same) yield break;
        yield return new("The model predicts the same for every sample", $"Within a batch its predictions differ by at most {Say.Number(TrainingRecord.Median(spreads))} of their size (median of the last {Say.Of(spreads.Length, "step")} looked at).",
            "Look for a layer whose output does not depend on its input: dead or saturated units, weights near 0, a gradient that vanishes.");
    }
}

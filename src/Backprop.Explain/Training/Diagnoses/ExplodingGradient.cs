namespace Backprop.Explain;

/// <summary>A gradient that grows on its way from the output to the input.</summary>
/// <remarks>From 1,000-fold on, in the median over the steps: a rate that moves the last layer by its usual thousandth a step then moves the first by as much as it is large
/// (R. Pascanu et al., On the difficulty of training recurrent neural networks, ICML 2013).</remarks>
public sealed class ExplodingGradient : Diagnosis
{
    private const double Large = 1e3;

    /// <inheritdoc/>
    public override string Name => "an exploding gradient";

    /// <inheritdoc/>
    public override IEnumerable<Finding> Examine(TrainingRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        var flow = GradientFlow.Of(record);
        if (flow.Count == 0) yield break;
        var most = flow.MaxBy(place => place.Ratio);
        if (!(most.Ratio >= Large)) yield break;
        yield return new($"The gradient grows {Say.Fold(most.Ratio)} from output to input", $"The norm of dL/dy is {GradientFlow.Way(flow, most.Layer)} (medians of {Say.Of(record.Samples.Count, "step")}).",
            "Try smaller initial weights (Init.XavierUniform), MaxGradientNorm = 1, or normalisation between the layers.")
        { Layer = most.Layer.Path };
    }
}

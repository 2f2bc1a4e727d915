namespace Backprop.Explain;

/// <summary>A gradient that shrinks on its way from the output to the input, so that the first layers hardly learn.</summary>
/// <remarks>From 10,000-fold on, in the median over the steps. A rate that moves the last layer by its usual thousandth a step then moves the first by less than a ten-millionth, which a float no longer resolves
/// (S. Hochreiter, Untersuchungen zu dynamischen neuronalen Netzen, 1991). A plain network of a few layers has a factor of 10 to 100.</remarks>
public sealed class VanishingGradient : Diagnosis
{
    private const double Small = 1e-4;

    /// <inheritdoc/>
    public override string Name => "a vanishing gradient";

    /// <inheritdoc/>
    public override IEnumerable<Finding> Examine(TrainingRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        var flow = GradientFlow.Of(record);
        if (flow.Count == 0) yield break;
        var least = flow.MinBy(place => place.Ratio);
        if (least.Ratio > Small) yield break;
        yield return new($"The gradient shrinks {Say.Fold(1 / least.Ratio)} from output to input", $"The norm of dL/dy is {GradientFlow.Way(flow, least.Layer)} (medians of {Say.Of(record.Samples.Count, "step")}).",
            "Try a ReLU instead of a sigmoid, initial weights that keep the scale (Init.KaimingUniform, Init.XavierUniform), residual connections, normalisation, or fewer layers.")
        { Layer = least.Layer.Path };
    }
}

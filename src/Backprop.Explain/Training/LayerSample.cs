namespace Backprop.Explain;

/// <summary>One layer at one step. What it does not have, or what could not be had at that step, is NaN.</summary>
/// <param name="Gradient">The norm of the gradient of its own parameters, of those that are not frozen.</param>
/// <param name="Update">The norm of what the step changed in them, over the norm that they had before.</param>
/// <param name="OutputGradient">The norm of dL/dy, the gradient of its output.</param>
/// <param name="Dead">The share of its units that are dead: whose derivative was 0 for each of the samples looked at of late.</param>
/// <param name="Saturated">The share of the entries of its output at which its derivative is at most 0.01 in size; of an activation that is flat at both ends.</param>
public readonly record struct LayerSample(double Gradient, double Update, double OutputGradient, double Dead, double Saturated)
{
    /// <summary>Of a layer that was not seen.</summary>
    public static LayerSample None { get; } = new(double.NaN, double.NaN, double.NaN, double.NaN, double.NaN);
}

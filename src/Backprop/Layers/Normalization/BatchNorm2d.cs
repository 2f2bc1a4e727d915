using System.Numerics;

namespace Backprop;

/// <summary>Batch normalisation of images: y = x̂ w + b, where x̂ is x with mean 0 and variance 1 in each channel.</summary>
/// <remarks>
/// <para>x̂ = (x - mean) r and r = 1/√(var + ε), with mean and variance of all pixels of a channel in all samples: as <see cref="BatchNorm1d{T}"/>, with n H W numbers where that has n.</para>
/// <para>Shapes: x (n x C H W), w (C), b (C), y (n x C H W). A row is an image, see <see cref="ImageShape"/>. Where an image has but one pixel, a batch whose own statistics are taken has at least 2 samples.</para>
/// <para>Derivatives, with the means and sums over a channel's pixels of all samples: in training, dX = w r (dY - mean(dY) - x̂ mean(dY x̂)); in evaluation, dX = w r dY; in both, dw += Σ dY x̂ and db += Σ dY.
/// CHAIN-RULE.md, "BatchNorm2d".</para>
/// <para>Frozen it computes in training as in evaluation, as <see cref="BatchNorm1d{T}"/> does.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html">torch.nn.BatchNorm2d</see>.
/// Source: S. Ioffe and C. Szegedy, Batch normalization, ICML 2015.</para>
/// </remarks>
/// <example><code>var norm = new BatchNorm2d&lt;double&gt;(conv.OutputShape);</code></example>
/// <threadsafety>Evaluation is thread-safe as in every layer. A forward pass in training changes the running statistics: one thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class BatchNorm2d<T> : BatchNorm<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer with w = 1, b = 0, running mean 0 and running variance 1.</summary>
    /// <param name="inputShape">Channels, height and width of an image.</param>
    /// <param name="epsilon">ε, at least 0.</param>
    /// <param name="momentum">The weight of the new value in the running statistics, from 0 to 1; null for the mean of all batches so far.</param>
    /// <param name="affine">Whether to learn w and b.</param>
    /// <param name="trackRunningStats">Whether to keep running statistics.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, ε is negative or not finite, or the momentum is not from 0 to 1.</exception>
    public BatchNorm2d(ImageShape inputShape, double epsilon = 1e-5, double? momentum = 0.1, bool affine = true, bool trackRunningStats = true)
        : base(Owner(inputShape), inputShape.Channels, epsilon, momentum, affine, trackRunningStats) => InputShape = inputShape;

    /// <summary>Channels, height and width of an image.</summary>
    public ImageShape InputShape { get; }

    /// <inheritdoc/>
    public override string ToString() => Text("BatchNorm2d", $"{InputShape}");

    private protected override int Pixels => InputShape.Height * InputShape.Width;

    private static string Owner(ImageShape inputShape)
    {
        var owner = $"BatchNorm2d({inputShape})";
        inputShape.Require(owner, nameof(inputShape));
        return owner;
    }
}

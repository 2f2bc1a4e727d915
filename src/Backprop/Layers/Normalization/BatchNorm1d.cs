using System.Numerics;
using static System.FormattableString;

namespace Backprop;

/// <summary>Batch normalisation: y = x̂ w + b, where x̂ is x with mean 0 and variance 1 in each feature.</summary>
/// <remarks>
/// <para>x̂ = (x - mean) r and r = 1/√(var + ε). In training, mean and variance (the biased one, divided by n) are those of the feature over the
/// batch's n samples, and the running statistics move towards them: running = (1 - momentum) running + momentum new, with the unbiased variance,
/// divided by n - 1. In evaluation they are the running statistics, or the batch's own where none are kept.</para>
/// <para>Frozen, with <see cref="Layer{T}.Freeze"/> or with w and b, it computes in training as in evaluation, and the running statistics stand still. (In PyTorch a layer
/// whose w and b do not learn still normalises by the batch and moves its statistics.)</para>
/// <para>Shapes: x (n x m), w (m), b (m), y (n x m). A batch whose own statistics are taken has at least 2 samples.</para>
/// <para>Derivatives: in training, dX = w r (dY - mean(dY) - x̂ mean(dY x̂)); in evaluation, dX = w r dY; in both, dw += the sum over the rows of dY x̂
/// and db += the sum over the rows of dY. CHAIN-RULE.md, "BatchNorm1d".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html">torch.nn.BatchNorm1d</see>.
/// Source: S. Ioffe and C. Szegedy, Batch normalization, ICML 2015.</para>
/// </remarks>
/// <example><code>var y = new BatchNorm1d&lt;double&gt;(64).Forward(x);   // x and y are n x 64; by the running statistics</code></example>
/// <threadsafety>Evaluation is thread-safe as in every layer. A forward pass in training changes the running statistics: one thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class BatchNorm1d<T> : BatchNorm<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer with w = 1, b = 0, running mean 0 and running variance 1.</summary>
    /// <param name="numFeatures">m, the columns of the input, at least 1.</param>
    /// <param name="epsilon">ε, at least 0.</param>
    /// <param name="momentum">The weight of the new value in the running statistics, from 0 to 1; null for the mean of all batches so far.</param>
    /// <param name="affine">Whether to learn w and b.</param>
    /// <param name="trackRunningStats">Whether to keep running statistics.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1, ε is negative or not finite, or the momentum is not from 0 to 1.</exception>
    public BatchNorm1d(int numFeatures, double epsilon = 1e-5, double? momentum = 0.1, bool affine = true, bool trackRunningStats = true)
        : base(Owner(numFeatures), numFeatures, epsilon, momentum, affine, trackRunningStats) { }

    /// <inheritdoc/>
    public override string ToString() => Text("BatchNorm1d", $"{NumFeatures}");

    private protected override int Pixels => 1;

    private static string Owner(int numFeatures)
    {
        var owner = Invariant($"BatchNorm1d({numFeatures})");
        Expect.Positive(owner, numFeatures, nameof(numFeatures));
        return owner;
    }
}

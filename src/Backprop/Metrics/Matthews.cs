using System.Numerics;

namespace Backprop;

/// <summary>Matthews' correlation between targets and predictions, from -1 to 1: 0 is no better than guessing, however unequal the classes are.</summary>
/// <remarks>
/// <para>(c s - Σ p_k t_k) / √((s² - Σ p_k²)(s² - Σ t_k²)), with s samples, c of them right, p_k taken for class k and t_k of it; 0 where that is 0 / 0.</para>
/// <para>As in <see href="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.matthews_corrcoef.html">scikit-learn</see>. Source: B. W. Matthews, 1975; J. Gorodkin, 2004, for several classes.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="threshold">Above what a prediction of one column is of class 1: 0.5 for probabilities, 0 for logits.</param>
/// <param name="ignoreIndex">The class whose samples do not count.</param>
/// <exception cref="ArgumentOutOfRangeException">The threshold is not finite.</exception>
public sealed class Matthews<T>(double threshold = 0.5, int ignoreIndex = -100)
    : ClassMetric<T>("matthews", threshold, ignoreIndex) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    protected override double Value(ClassCounts counts)
    {
        ArgumentNullException.ThrowIfNull(counts);
        double s = counts.Total, c = 0, both = 0, predictedSquares = 0, actualSquares = 0;
        for (var k = 0; k < counts.Classes; k++)
        {
            double predicted = counts.Predicted(k), actual = counts.Actual(k);
            c += counts.Right(k);
            both += predicted * actual;
            predictedSquares += predicted * predicted;
            actualSquares += actual * actual;
        }

        var scale = (s * s - predictedSquares) * (s * s - actualSquares);
        return scale == 0 ? 0 : (c * s - both) / Math.Sqrt(scale);
    }
}

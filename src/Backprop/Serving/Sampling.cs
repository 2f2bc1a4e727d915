using System.Numerics;
using System.Numerics.Tensors;
using static System.FormattableString;

namespace Backprop;

/// <summary>Chooses the next word or character by the scores that a network gave each: the best, or one by chance.</summary>
/// <remarks>
/// The scores are divided by the temperature; those below the k greatest are left out; softmax makes probabilities of the rest; and <see cref="Generator.Multinomial"/> chooses, as <c>torch.multinomial</c>.
/// At temperature 0 the first of the greatest is chosen, and nothing is drawn.
/// </remarks>
/// <example><code>
/// var sampling = new Sampling(temperature: 0.8, topK: 10, generator: new Generator(42));
/// var next = sampling.Next&lt;float&gt;(scores);      // scores: one for each character
/// </code></example>
/// <threadsafety>One thread at a time.</threadsafety>
public sealed class Sampling
{
    private readonly Generator _generator;

    /// <summary>Makes one.</summary>
    /// <param name="temperature">Below 1 the likely become likelier, above 1 less likely; 0 takes the best.</param>
    /// <param name="topK">How many of the greatest scores are left to choose from, with all that equal the least of them, at least 1; null for all.</param>
    /// <param name="generator">Draws; <see cref="Generator.Default"/> where none is given.</param>
    /// <exception cref="ArgumentOutOfRangeException">The temperature is negative or not finite, or topK is below 1.</exception>
    public Sampling(double temperature = 1, int? topK = null, Generator? generator = null)
    {
        Temperature = Expect.AtLeastZero(nameof(Sampling), temperature);
        if (topK is int k) TopK = Expect.Positive(nameof(Sampling), k, nameof(topK));
        _generator = generator ?? Generator.Default;
    }

    /// <summary>What the scores are divided by.</summary>
    public double Temperature { get; }

    /// <summary>How many of the greatest scores are left to choose from; null for all.</summary>
    public int? TopK { get; }

    /// <summary>Chooses.</summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="scores">The scores (logits).</param>
    /// <returns>Which one, from 0.</returns>
    /// <exception cref="ArgumentException">There are none; or one is NaN or +∞, or all are -∞, of which no probabilities can be made.</exception>
    public int Next<T>(ReadOnlySpan<T> scores) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (scores.IsEmpty) throw new ArgumentException("Sampling expects scores to choose from, but there are none.", nameof(scores));
        for (var i = 0; i < scores.Length; i++)
            if (T.IsNaN(scores[i]) || T.IsPositiveInfinity(scores[i])) throw new ArgumentException(Invariant($"Sampling expects finite scores, but the one of {i} is {scores[i]}."), nameof(scores));
        var best = TensorPrimitives.IndexOfMax(scores);
        if (T.IsNegativeInfinity(scores[best])) throw new ArgumentException("Sampling expects a finite score, but all are -∞.", nameof(scores));
        if (Temperature == 0) return best;

        var p = new T[scores.Length];
        var temperature = T.CreateChecked(Temperature);
        for (var i = 0; i < p.Length; i++) p[i] = scores[i] / temperature;
        // Where a quotient is too large for the type, how far each is below the best is not.
        if (!TensorPrimitives.IsFiniteAll<T>(p))
            for (var i = 0; i < p.Length; i++) p[i] = i == best ? T.Zero : T.CreateTruncating(double.CreateChecked(scores[i] - scores[best]) / Temperature);
        if (TopK is int k && k < p.Length)
        {
            var sorted = (T[])p.Clone();
            Array.Sort(sorted);
            for (var (i, least) = (0, sorted[^k]); i < p.Length; i++)
                if (p[i] < least) p[i] = T.NegativeInfinity;
        }

        // p = softmax(scores / temperature)
        var (greatest, sum) = (p[best], T.Zero);
        for (var i = 0; i < p.Length; i++) sum += p[i] = T.Exp(p[i] - greatest);
        for (var i = 0; i < p.Length; i++) p[i] /= sum;
        return _generator.Multinomial<T>(p);
    }
}

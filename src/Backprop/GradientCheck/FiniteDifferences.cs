using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The slopes of sum(dY * y) in single values, by the five-point difference quotient, and what they look like beside a gradient by hand.</summary>
internal sealed class FiniteDifferences(Func<Matrix<double>> evaluate, Matrix<double> dY, double tolerance)
{
    private const double Epsilon = 2.3e-16;

    private static readonly double[] Steps = [1e-3, 1e-4, 1e-5];

    // Each entry costs some forward passes more, and a few tell the story.
    private const int MostLookedAt = 50;

    /// <param name="name">What the gradient is of.</param>
    /// <param name="values">Its values, which are moved and put back.</param>
    /// <param name="rows">Their rows, for the message.</param>
    /// <param name="byHand">The gradient.</param>
    /// <param name="most">How many entries to compare at most, chosen at random; the others count as right.</param>
    public GradientComparison Compare(string name, Span<double> values, int rows, double[] byHand, int most = int.MaxValue)
    {
        var numeric = most < byHand.Length ? [.. byHand] : new double[byHand.Length];
        var (worst, worstRatio, passed, lookedAt) = (0, -1.0, true, 0);
        var (worstBend, smooth) = (default(Bend), false);
        var chosen = Enumerable.Range(0, byHand.Length).ToArray();
        if (most < chosen.Length)
        {
            new Random(most).Shuffle(chosen);
            chosen = chosen[..most];
        }

        foreach (var i in chosen)
        {
            var best = double.PositiveInfinity;
            foreach (var relativeStep in Steps)
            {
                var (slope, noise) = Slope(ref values[i], relativeStep);
                var allowed = tolerance * Math.Max(Math.Abs(slope), Math.Abs(byHand[i])) + noise;
                var ratio = Math.Abs(slope - byHand[i]) / allowed; // 1 is just allowed
                if (double.IsNaN(ratio)) ratio = slope == byHand[i] ? 0 : double.PositiveInfinity;
                if (ratio < best || relativeStep == Steps[0]) (best, numeric[i]) = (ratio, slope);
                if (best <= 1) break;
            }

            var looks = best > 1 && lookedAt++ < MostLookedAt;
            var bend = looks ? BendAt(ref values[i]) : default;
            // An entry that is wrong without a kink says more than one with it; one that nobody looked at may be either.
            var isSmooth = looks && bend.Kind == BendKind.None;
            var unknown = best > 1 && !looks;
            if ((isSmooth && !smooth) || (best > worstRatio && (unknown ? smooth : isSmooth == smooth))) (worst, worstRatio, worstBend, smooth) = (i, best, bend, isSmooth || unknown);
            passed &= best <= 1;
        }

        return new GradientComparison(name, rows, byHand, numeric, worst, worstRatio, passed, worstBend);
    }

    /// <summary>The five-point slope in one value, and how far rounding alone may have moved it.</summary>
    private (double Slope, double Noise) Slope(ref double value, double relativeStep)
    {
        var saved = value;
        var h = Exact(saved, relativeStep);
        var (slope, magnitude) = (0.0, 0.0);
        foreach (var (multiple, weight) in ((double, double)[])[(1, 8), (-1, -8), (2, -1), (-2, 1)]) Add(ref value, saved + multiple * h, weight, ref slope, ref magnitude);
        return (slope / (12 * h), 4 * Epsilon * magnitude / (12 * h));
    }

    /// <summary>Whether the slopes to the two sides differ by more than curvature explains: that shrinks with the step, a kink stays, a jump grows.</summary>
    private Bend BendAt(ref double value)
    {
        var (far, _, _, _) = OneSided(ref value, 2e-4);
        var (near, below, above, noise) = OneSided(ref value, 2e-5);
        if (!(near > 1e-4 * Math.Max(Math.Abs(below), Math.Abs(above)) + noise) || near < 0.15 * far) return default;
        return new(near > 5 * far ? BendKind.Jump : BendKind.Kink, below, above);
    }

    private (double Gap, double Below, double Above, double Noise) OneSided(ref double value, double relativeStep)
    {
        var saved = value;
        var h = Exact(saved, relativeStep);
        double below = 0, above = 0, size = 0;
        Add(ref value, saved, 1, ref below, ref size);
        above = -below;
        Add(ref value, saved - h, -1, ref below, ref size);
        Add(ref value, saved + h, 1, ref above, ref size);
        (below, above) = (below / h, above / h);
        return (Math.Abs(above - below), below, above, 8 * Epsilon * size / h);
    }

    // A step that is exact in binary.
    private static double Exact(double value, double relativeStep)
    {
        var h = relativeStep * Math.Max(1, Math.Abs(value));
        return value + h - value;
    }

    /// <summary>Adds weight times sum(dY * y) where the value is moved, and the sum of the terms' sizes.</summary>
    private void Add(ref double value, double moved, double weight, ref double sum, ref double size)
    {
        var saved = value;
        try
        {
            value = moved;
            double[] y = evaluate().AsColumnMajorArray(), upstream = dY.AsColumnMajorArray();
            for (var i = 0; i < y.Length; i++)
            {
                sum += weight * upstream[i] * y[i];
                size += Math.Abs(weight * upstream[i] * y[i]);
            }
        }
        finally
        {
            value = saved;
        }
    }
}

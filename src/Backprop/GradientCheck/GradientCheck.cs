using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>
/// Compares hand-derived gradients with finite differences: of any layer, the input and every parameter; of any loss, the prediction.
/// </summary>
/// <remarks>
/// <para>The function that is differentiated is the sum of dY * y with a random upstream gradient dY. An upstream of ones would
/// compare 0 with 0 where a layer's outputs always sum to the same, as a softmax's do.</para>
/// <para>The difference quotient is the five-point one, f' = (8 (f(v+h) - f(v-h)) - (f(v+2h) - f(v-2h))) / 12h, whose error is of order h^4. It is
/// taken with three steps h, and an entry is right when it agrees with one of them: a large step is exact for smooth functions, a small
/// one does not reach over a kink nearby, and a wrong derivative agrees with none.</para>
/// <para>In double only: the difference of two floats leaves too few digits to say anything.</para>
/// </remarks>
/// <example><code>
/// GradientCheck.Run(new Linear&lt;double&gt;(3, 4), x).ThrowIfFailed();
/// </code></example>
public static class GradientCheck
{
    private static readonly double[] Steps = [1e-3, 1e-4, 1e-5];

    /// <summary>Checks dL/dX and the gradient of every parameter of a layer, and that the backward pass adds to the gradients and leaves its operands alone.</summary>
    /// <param name="layer">The layer. Its parameters and gradients are as before when the check is done.</param>
    /// <param name="x">An input, samples x features. Keep its entries away from kinks of the layer.</param>
    /// <param name="seed">Seeds the random upstream gradient.</param>
    /// <param name="tolerance">The relative difference that is allowed.</param>
    /// <param name="training">Whether the layer runs in training mode.</param>
    /// <param name="checkInput">Whether to check dL/dX; false for inputs that are not continuous, such as indices.</param>
    /// <param name="beforeForward">Called before each forward pass; a layer with random numbers has its generator reset here.</param>
    /// <returns>What was compared, and the worst entries.</returns>
    /// <exception cref="ArgumentNullException">The layer or the input is null.</exception>
    /// <exception cref="ArgumentException">The input does not fit the layer.</exception>
    public static GradientReport Run(
        Layer<double> layer, Matrix<double> x, int seed = 0, double tolerance = 1e-6, bool training = true, bool checkInput = true, Action? beforeForward = null)
    {
        ArgumentNullException.ThrowIfNull(layer);
        Operand.Dense(layer, x, nameof(x));
        x = x.Clone(); // perturbed below; the caller's stays as it is
        var original = x.Clone();
        var problems = new List<string>();
        var savedGradients = layer.Parameters.Select(parameter => parameter.Gradients.ToArray()).ToArray();
        try
        {
            var pass = layer.NewPass(training);
            Matrix<double> Evaluate()
            {
                beforeForward?.Invoke();
                return layer.Forward(x, pass);
            }

            var y = Evaluate().Clone();
            var dY = RandomUpstream(y.RowCount, y.ColumnCount, seed);
            var dYOriginal = dY.Clone();

            foreach (var parameter in layer.Parameters) parameter.ZeroGradient();
            var dX = layer.Backward(pass, dY).Clone();
            var gradients = layer.Parameters.Select(parameter => parameter.Gradients.ToArray()).ToArray();
            layer.Backward(pass, dY);
            for (var i = 0; i < gradients.Length; i++)
                if (!IsTwice(gradients[i], layer.Parameters[i].Gradients))
                    problems.Add($"dL/d{layer.Parameters[i].Name}: after a second backward pass it is not twice the first; gradients are added to what is there, not set.");
            if (!original.Equals(x)) problems.Add("The layer changed its input.");
            if (!dYOriginal.Equals(dY)) problems.Add("The layer changed dL/dY, its upstream gradient.");
            original.CopyTo(x);

            var comparisons = new List<GradientComparison>();
            if (checkInput)
                comparisons.Add(Compare("x", x.AsColumnMajorArray(), x.RowCount, dX.AsColumnMajorArray(), Evaluate, dY, tolerance));
            var names = layer.NamedParameters().DistinctBy(named => named.Parameter).Select(named => named.Name).ToArray();
            for (var i = 0; i < gradients.Length; i++)
            {
                var parameter = layer.Parameters[i];
                comparisons.Add(Compare(names[i], parameter.Values, parameter.Shape.Count == 2 ? parameter.Shape[0] : parameter.Count, gradients[i], Evaluate, dY, tolerance));
            }

            return new GradientReport($"{layer}", comparisons, problems);
        }
        finally
        {
            for (var i = 0; i < savedGradients.Length; i++) savedGradients[i].CopyTo(layer.Parameters[i].Gradients);
        }
    }

    /// <summary>Checks the gradient of a loss with respect to the prediction.</summary>
    /// <param name="loss">The loss.</param>
    /// <param name="prediction">A prediction, samples x features. Keep its entries away from kinks of the loss.</param>
    /// <param name="target">A target.</param>
    /// <param name="tolerance">The relative difference that is allowed.</param>
    /// <returns>What was compared, and the worst entry.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">Prediction and target do not fit the loss.</exception>
    public static GradientReport Run(Loss<double> loss, Matrix<double> prediction, Matrix<double> target, double tolerance = 1e-6)
    {
        ArgumentNullException.ThrowIfNull(loss);
        Operand.Dense(loss, prediction, nameof(prediction));
        prediction = prediction.Clone();
        var result = Matrix<double>.Build.Dense(1, 1);
        var byHand = loss.Backward(prediction, target);
        Matrix<double> Evaluate()
        {
            result[0, 0] = loss.Forward(prediction, target);
            return result;
        }

        var comparison = Compare("prediction", prediction.AsColumnMajorArray(), prediction.RowCount, byHand.AsColumnMajorArray(), Evaluate, Matrix<double>.Build.Dense(1, 1, 1), tolerance);
        return new GradientReport($"{loss}", [comparison], []);
    }

    // Away from 0, so that no entry of the output is left out, and of both signs.
    private static Matrix<double> RandomUpstream(int rows, int columns, int seed)
    {
        var random = new Random(seed);
        return Matrix<double>.Build.Dense(rows, columns, (_, _) => (random.Next(2) == 0 ? -1 : 1) * (0.25 + random.NextDouble()));
    }

    private static bool IsTwice(ReadOnlySpan<double> once, ReadOnlySpan<double> twice)
    {
        for (var i = 0; i < once.Length; i++)
            if (Math.Abs(twice[i] - 2 * once[i]) > 1e-9 * Math.Abs(once[i]) + double.Epsilon) return false;
        return true;
    }

    private static GradientComparison Compare(
        string name, Span<double> values, int rows, double[] byHand, Func<Matrix<double>> evaluate, Matrix<double> dY, double tolerance)
    {
        var numeric = new double[byHand.Length];
        var (worst, worstRatio, passed) = (0, -1.0, true);
        for (var i = 0; i < byHand.Length; i++)
        {
            var best = double.PositiveInfinity;
            foreach (var relativeStep in Steps)
            {
                var (slope, noise) = Slope(ref values[i], relativeStep, evaluate, dY);
                var allowed = tolerance * Math.Max(Math.Abs(slope), Math.Abs(byHand[i])) + noise;
                var ratio = Math.Abs(slope - byHand[i]) / allowed; // 1 is just allowed
                if (double.IsNaN(ratio)) ratio = slope == byHand[i] ? 0 : double.PositiveInfinity;
                if (ratio < best || relativeStep == Steps[0]) (best, numeric[i]) = (ratio, slope);
                if (best <= 1) break;
            }

            passed &= best <= 1;
            if (best > worstRatio) (worst, worstRatio) = (i, best);
        }

        return new GradientComparison(name, rows, byHand, numeric, worst, worstRatio, passed);
    }

    /// <summary>The five-point slope of sum(dY * y) in one value, and how far rounding alone may have moved it.</summary>
    private static (double Slope, double Noise) Slope(ref double value, double relativeStep, Func<Matrix<double>> evaluate, Matrix<double> dY)
    {
        var saved = value;
        var h = relativeStep * Math.Max(1, Math.Abs(saved));
        h = saved + h - saved; // a step that is exact in binary
        var (slope, magnitude) = (0.0, 0.0);
        try
        {
            foreach (var (multiple, weight) in ((double, double)[])[(1, 8), (-1, -8), (2, -1), (-2, 1)])
            {
                value = saved + multiple * h;
                double[] y = evaluate().AsColumnMajorArray(), upstream = dY.AsColumnMajorArray();
                for (var i = 0; i < y.Length; i++)
                {
                    slope += weight * upstream[i] * y[i];
                    magnitude += Math.Abs(weight * upstream[i] * y[i]);
                }
            }
        }
        finally
        {
            value = saved;
        }

        const double Epsilon = 2.3e-16;
        return (slope / (12 * h), 4 * Epsilon * magnitude / (12 * h));
    }
}

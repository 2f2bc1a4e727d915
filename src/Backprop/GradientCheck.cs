using System.Globalization;
using System.Text;
using Backprop.Kernels;
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
        Shape.Dense(layer, x, nameof(x));
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
        Shape.Dense(loss, prediction, nameof(prediction));
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

/// <summary>What <see cref="GradientCheck"/> found.</summary>
public sealed class GradientReport
{
    internal GradientReport(string subject, IReadOnlyList<GradientComparison> comparisons, IReadOnlyList<string> problems) =>
        (Subject, Comparisons, Problems) = (subject, comparisons, problems);

    /// <summary>The layer or loss.</summary>
    public string Subject { get; }

    /// <summary>One comparison for the input and for each parameter.</summary>
    public IReadOnlyList<GradientComparison> Comparisons { get; }

    /// <summary>What else is wrong with the backward pass, in words: gradients that are set instead of added, changed operands.</summary>
    public IReadOnlyList<string> Problems { get; }

    /// <summary>Whether every gradient agrees and nothing else is wrong.</summary>
    public bool Passed => Problems.Count == 0 && Comparisons.All(comparison => comparison.Passed);

    /// <summary>Throws when something is wrong, with <see cref="ToString"/> as the message.</summary>
    /// <exception cref="GradientCheckException">A gradient disagrees or the backward pass misbehaves.</exception>
    public void ThrowIfFailed()
    {
        if (!Passed) throw new GradientCheckException(ToString());
    }

    /// <summary>The findings in words, a line each.</summary>
    public override string ToString()
    {
        var text = new StringBuilder($"{Subject}: {(Passed ? "every gradient agrees with finite differences." : "the backward pass is wrong.")}");
        foreach (var comparison in Comparisons) text.Append("\n  ").Append(comparison);
        foreach (var problem in Problems) text.Append("\n  ").Append(problem);
        return text.ToString();
    }
}

/// <summary>A gradient by hand and by finite differences.</summary>
public sealed class GradientComparison
{
    private readonly int _rows, _worst;
    private readonly double[] _byHand, _numeric;

    internal GradientComparison(string name, int rows, double[] byHand, double[] numeric, int worst, double share, bool passed) =>
        (Name, _rows, _byHand, _numeric, _worst, ShareOfAllowed, Passed) = (name, rows, byHand, numeric, worst, share, passed);

    /// <summary>With respect to what: <c>x</c>, <c>prediction</c>, or a parameter's name.</summary>
    public string Name { get; }

    /// <summary>Whether all entries agree.</summary>
    public bool Passed { get; }

    /// <summary>How many entries were compared.</summary>
    public int Count => _byHand.Length;

    /// <summary>The row of the entry that agrees least.</summary>
    public int Row => _worst % _rows;

    /// <summary>The column of the entry that agrees least; 0 in a vector.</summary>
    public int Column => _worst / _rows;

    /// <summary>The gradient by hand at that entry.</summary>
    public double ByHand => _byHand[_worst];

    /// <summary>The finite difference at that entry.</summary>
    public double FiniteDifference => _numeric[_worst];

    /// <summary>
    /// The difference there as a share of what is allowed: the tolerance times the larger of the two, and what rounding alone may have
    /// done to the finite difference. Above 1, they disagree.
    /// </summary>
    public double ShareOfAllowed { get; }

    /// <summary>How far the two are from each other there.</summary>
    public double AbsoluteDifference => Math.Abs(ByHand - FiniteDifference);

    /// <summary>The same relative to the larger of the two; 0 where both are 0.</summary>
    public double RelativeDifference => ByHand == FiniteDifference ? 0 : AbsoluteDifference / Math.Max(Math.Abs(ByHand), Math.Abs(FiniteDifference));

    /// <summary>The comparison in a sentence, with a guess at what is wrong.</summary>
    public override string ToString() => FormattableString.Invariant(Passed
        ? (FormattableString)$"dL/d{Name}: {Count} {(Count == 1 ? "entry agrees" : "entries agree")}; the worst, ({Row}, {Column}), is {ByHand:G10} by hand and {FiniteDifference:G10} by finite differences."
        : (FormattableString)$"dL/d{Name}: the entry ({Row}, {Column}) is {ByHand:G10} by hand, but {FiniteDifference:G10} by finite differences.{Guess()}");

    private string Guess()
    {
        if (_byHand.All(value => value == 0)) return " It is 0 everywhere: is it ever added to?";
        if (_byHand.Any(value => !double.IsFinite(value))) return " It is not finite everywhere.";
        var ratio = ByHand / FiniteDifference;
        bool Close(double a, double b) => Math.Abs(a - b) <= 1e-4 * Math.Max(Math.Abs(a), Math.Abs(b)) + 1e-9;
        if (Count > 1 && Enumerable.Range(0, Count).All(i => Close(_byHand[i], ratio * _numeric[i])))
            return string.Create(CultureInfo.InvariantCulture, $" Every entry is {ratio:G4} times what it should be{(Close(ratio, -1) ? ": a sign" : ": a factor")}.");
        if (_rows > 1 && _rows * _rows == Count && Enumerable.Range(0, Count).All(i => Close(_byHand[i], _numeric[i % _rows * _rows + i / _rows])))
            return " It is the transpose of what it should be.";
        return "";
    }
}

/// <summary>A gradient check failed; the message says where and how.</summary>
public sealed class GradientCheckException : Exception
{
    /// <summary>Makes an exception without a message.</summary>
    public GradientCheckException() { }

    /// <summary>Makes an exception with a message.</summary>
    /// <param name="message">What is wrong.</param>
    public GradientCheckException(string message) : base(message) { }

    /// <summary>Makes an exception with a message and a cause.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public GradientCheckException(string message, Exception innerException) : base(message, innerException) { }
}

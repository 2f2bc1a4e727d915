using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>
/// Says whether a layer or loss is right: its hand-derived gradients against finite differences, and all that training relies on besides.
/// </summary>
/// <remarks>
/// <para>The function that is differentiated is the sum of dY * y with a random upstream gradient dY. An upstream of ones would
/// compare 0 with 0 where a layer's outputs always sum to the same, as a softmax's do.</para>
/// <para>The difference quotient is the five-point one, f' = (8 (f(v+h) - f(v-h)) - (f(v+2h) - f(v-2h))) / 12h, whose error is of order h^4. It is
/// taken with three steps h, and an entry is right when it agrees with one of them: a large step is exact for smooth functions, a small
/// one does not reach over a kink nearby, and a wrong derivative agrees with none. That takes double: the difference of two floats leaves too few digits to
/// say anything. A layer in float is held against a twin in double.</para>
/// <para>Besides, the piece is run with buffers that are full of NaN, in a pass that sees a larger batch and the first one again, and back twice; its operands,
/// and the values of its parameters, must stay as they are. What it does wrong is said in words, not thrown.</para>
/// <para>A check does not train: values, gradients, buffers and generators are as before when it is done. Each forward pass starts from the same buffers and generators.</para>
/// </remarks>
/// <example><code>
/// GradientCheck.Run(new Linear&lt;double&gt;(3, 4), x).ThrowIfFailed();
/// </code></example>
public static class GradientCheck
{
    /// <summary>Checks dL/dX and the gradient of every parameter of a layer, and how it behaves with reused passes, dirty buffers and batches of other sizes.</summary>
    /// <param name="layer">The layer. It is as before when the check is done.</param>
    /// <param name="x">An input, samples x features. Keep its entries away from kinks of the layer.</param>
    /// <param name="seed">Seeds the random upstream gradient.</param>
    /// <param name="tolerance">The relative difference that is allowed.</param>
    /// <param name="training">Whether the layer runs in training mode.</param>
    /// <param name="checkInput">Whether to check dL/dX; false for inputs that are not continuous, such as indices.</param>
    /// <param name="beforeForward">Called before each forward pass, to reset a generator that the layer has not registered; those that it has are reset anyway.</param>
    /// <returns>What was compared, the worst entries, and what else is wrong.</returns>
    /// <exception cref="ArgumentNullException">The layer or the input is null.</exception>
    /// <exception cref="ArgumentException">The input does not fit the layer.</exception>
    public static GradientReport Run(
        Layer<double> layer, Matrix<double> x, int seed = 0, double tolerance = 1e-6, bool training = true, bool checkInput = true, Action? beforeForward = null)
    {
        ArgumentNullException.ThrowIfNull(layer);
        Operand.Dense(layer, x, nameof(x));
        RequireTolerance(tolerance, nameof(tolerance));
        using var probe = new LayerProbe<double>(layer, x, seed, training, beforeForward);
        var comparisons = new List<GradientComparison>();
        if (!probe.Run()) return new GradientReport($"{layer}", comparisons, probe.Problems, exception: probe.Exception);

        var differences = new FiniteDifferences(probe.Evaluate, probe.DY, tolerance);
        if (checkInput)
        {
            try
            {
                comparisons.Add(differences.Compare("x", probe.X.Span(), x.RowCount, probe.DX.AsColumnMajorArray()));
            }
            catch (Exception exception) when (LayerProbe<double>.IsAnswer(exception))
            {
                probe.Problems.Add($"{LayerProbe<double>.Sentence("dL/dx: the forward pass of an x that was moved a little", exception)} Where x holds indices, or anything else that is not continuous, pass checkInput: false.");
            }
        }

        foreach (var (i, parameter) in layer.Parameters.Index())
        {
            try
            {
                comparisons.Add(differences.Compare(probe.State.Names[i], parameter.Values, Rows(parameter), probe.Gradients[i]));
            }
            catch (Exception exception) when (LayerProbe<double>.IsAnswer(exception))
            {
                probe.Problems.Add(LayerProbe<double>.Sentence($"dL/d{probe.State.Names[i]}: the forward pass of a value that was moved a little", exception));
            }
        }

        if (comparisons.TrueForAll(comparison => comparison.Passed)) probe.InOtherBatches((rows, y, dY, dX, gradients, evaluate) =>
        {
            var few = new FiniteDifferences(evaluate, dY, tolerance);
            if (checkInput) Add(few.Compare("x", probe.X.Span(), rows, dX.ToColumnMajorArray(), FewEntries));
            foreach (var (i, parameter) in layer.Parameters.Index()) Add(few.Compare(probe.State.Names[i], parameter.Values, Rows(parameter), gradients[i], FewEntries));

            void Add(GradientComparison comparison)
            {
                if (!comparison.Passed) probe.Problems.Add($"With a batch of {Signature.Number(rows)} rows, {comparison}");
            }
        });
        if (comparisons.Exists(comparison => !comparison.Passed) && layer.Children.Count > 0) probe.Problems.AddRange(WrongParts(layer, x, seed, tolerance, training, beforeForward));
        return new GradientReport($"{layer}", comparisons, probe.Problems, exception: probe.Exception);
    }

    /// <summary>Which layers within a network are wrong by themselves, each checked with what it is given there.</summary>
    private static IEnumerable<string> WrongParts(Layer<double> layer, Matrix<double> x, int seed, double tolerance, bool training, Action? beforeForward)
    {
        beforeForward?.Invoke();
        var pass = ForwardPass<double>.Made(layer, training);
        pass.Forward(x);
        var wrong = Innermost(pass).Where(step => Run(step.Layer, step.Input.Clone(), seed, tolerance, training, beforeForward: beforeForward).Comparisons.Any(comparison => !comparison.Passed)).Select(step => step.Path).ToList();
        if (wrong.Count > 0) yield return $"Taken alone, with what it is given there, {string.Join(", ", wrong)} {(wrong.Count == 1 ? "is" : "are")} wrong, and no other of its parts.";
    }

    private static IEnumerable<ForwardPass<double>> Innermost(ForwardPass<double> pass) =>
        pass.Steps.Where(step => step.HasRun).SelectMany(step => step.Steps.Any(inner => inner.HasRun) ? Innermost(step) : [step]);

    /// <summary>Checks a layer in float against the same layer in double: output, dL/dX and the gradient of every parameter; and how it behaves with reused passes,
    /// dirty buffers and batches of other sizes.</summary>
    /// <remarks>Whether the twin itself is right, the check of a layer in double says.</remarks>
    /// <param name="layer">The layer. It is as before when the check is done.</param>
    /// <param name="twin">The same layer in double. It gets the values of the parameters and buffers by name for the check, and the state of the generators, in order.</param>
    /// <param name="x">An input, samples x features.</param>
    /// <param name="seed">Seeds the random upstream gradient.</param>
    /// <param name="absoluteTolerance">The difference that is allowed whatever the size of a number.</param>
    /// <param name="relativeTolerance">The difference that is allowed besides, relative to the twin's number.</param>
    /// <param name="training">Whether the layers run in training mode.</param>
    /// <param name="checkInput">Whether to compare dL/dX.</param>
    /// <param name="beforeForward">Called before each forward pass of either, to reset generators that are not registered.</param>
    /// <returns>What was compared, the worst entries, and what else is wrong.</returns>
    /// <exception cref="ArgumentNullException">A layer or the input is null.</exception>
    /// <exception cref="ArgumentException">The input does not fit the layer.</exception>
    public static GradientReport Run(
        Layer<float> layer, Layer<double> twin, Matrix<float> x, int seed = 0, double absoluteTolerance = 1e-6, double relativeTolerance = 1e-5, bool training = true, bool checkInput = true,
        Action? beforeForward = null)
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(twin);
        Operand.Dense(layer, x, nameof(x));
        RequireTolerance(absoluteTolerance, nameof(absoluteTolerance));
        RequireTolerance(relativeTolerance, nameof(relativeTolerance));
        var state = new LayerState<double>(twin);
        using var probe = new LayerProbe<float>(layer, x, seed, training, beforeForward);
        var comparisons = new List<GradientComparison>();
        if (!probe.Run()) return Report();
        try
        {
            probe.State.Rewind();
            var problems = Twin.Copy(layer, twin);
            probe.Problems.AddRange(problems);
            if (problems.Count > 0) return Report();

            beforeForward?.Invoke();
            var pass = ForwardPass<double>.Made(twin, training);
            var y = pass.Forward(Twin.Widen(x));
            var tolerance = new Twin.Tolerances(absoluteTolerance, relativeTolerance);
            if (y.RowCount != probe.Y.RowCount || y.ColumnCount != probe.Y.ColumnCount)
            {
                probe.Problems.Add($"The output is {Operand.Shape(probe.Y)}, but the twin's is {Operand.Shape(y)}.");
                return Report();
            }

            comparisons.Add(Twin.Compare("y", y.RowCount, probe.Y.Span(), y.Span(), tolerance));
            state.ZeroGradients();
            var dX = pass.Backward(Twin.Widen(probe.DY))!;
            if (checkInput) comparisons.Add(Twin.Compare("x", x.RowCount, probe.DX.Span(), dX.Span(), tolerance));
            var gradients = twin.NamedParameters().ToDictionary(named => named.Name, named => named.Parameter);
            foreach (var (i, parameter) in layer.Parameters.Index())
                comparisons.Add(Twin.Compare(probe.State.Names[i], Rows(parameter), probe.Gradients[i], gradients[probe.State.Names[i]].Gradients, tolerance));

            // Sums over four times as many rows, rounded as often.
            var wider = new Twin.Tolerances(4 * absoluteTolerance, 4 * relativeTolerance);
            if (comparisons.TrueForAll(comparison => comparison.Passed)) probe.InOtherBatches((rows, output, dY, otherDX, otherGradients, _) =>
            {
                probe.State.Rewind();
                Twin.Copy(layer, twin);
                beforeForward?.Invoke();
                var other = ForwardPass<double>.Made(twin, training);
                Add(Twin.Compare("y", rows, output.Span(), other.Forward(Twin.Widen(probe.X)).Span(), wider));
                state.ZeroGradients();
                var twinDX = other.Backward(Twin.Widen(dY))!;
                if (checkInput) Add(Twin.Compare("x", rows, otherDX.Span(), twinDX.Span(), wider));
                foreach (var (i, parameter) in layer.Parameters.Index())
                    Add(Twin.Compare(probe.State.Names[i], Rows(parameter), otherGradients[i], gradients[probe.State.Names[i]].Gradients, wider));

                void Add(GradientComparison comparison)
                {
                    if (!comparison.Passed) probe.Problems.Add($"With a batch of {Signature.Number(rows)} rows, {comparison}");
                }
            });
        }
        catch (Exception exception) when (LayerProbe<double>.IsAnswer(exception))
        {
            probe.Problems.Add(LayerProbe<double>.Sentence("The twin", exception));
        }
        finally
        {
            state.Restore();
        }

        return Report();

        GradientReport Report() => new($"{layer}", comparisons, probe.Problems, "the twin's");
    }

    /// <summary>Checks the gradient of a loss with respect to the prediction, that it writes every entry of it, that its methods agree with each other, and that the
    /// losses of parts of the batch make the loss of the whole.</summary>
    /// <param name="loss">The loss.</param>
    /// <param name="prediction">A prediction, samples x features. Keep its entries away from kinks of the loss.</param>
    /// <param name="target">A target.</param>
    /// <param name="tolerance">The relative difference that is allowed.</param>
    /// <returns>What was compared, the worst entry, and what else is wrong.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">Prediction and target do not fit the loss.</exception>
    public static GradientReport Run(Loss<double> loss, Matrix<double> prediction, Matrix<double> target, double tolerance = 1e-6)
    {
        var probe = Probe(loss, prediction, target);
        RequireTolerance(tolerance, nameof(tolerance));
        var comparisons = new List<GradientComparison>();
        if (!probe.Run()) return new GradientReport($"{loss}", comparisons, probe.Problems);

        var result = Matrix<double>.Build.Dense(1, 1);
        Compare("prediction", probe.Gradient, Matrix<double>.Build.Dense(1, 1, 1), () =>
        {
            result[0, 0] = loss.Forward(probe.Prediction, probe.Target);
            return result;
        });
        if (probe.Unreduced is var (dLosses, gradient)) Compare("prediction, unreduced", gradient, dLosses, () => loss.Unreduced(probe.Prediction, probe.Target));
        if (comparisons.TrueForAll(comparison => comparison.Passed))
        {
            // In batches of other sizes, too.
            foreach (var rows in (int[])[4 * prediction.RowCount, 1])
            {
                if (rows == prediction.RowCount || prediction.RowCount == 0 || probe.Problems.Count > 0) continue;
                var other = new LossProbe<double>(loss, LayerProbe<double>.Batch(prediction, rows), LayerProbe<double>.Batch(target, rows));
                try
                {
                    if (loss.Divisor(other.Prediction, other.Target) > 0 && other.Run())
                    {
                        var few = new FiniteDifferences(() =>
                        {
                            result[0, 0] = loss.Forward(other.Prediction, other.Target);
                            return result;
                        }, Matrix<double>.Build.Dense(1, 1, 1), tolerance).Compare("prediction", other.Prediction.Span(), rows, other.Gradient.AsColumnMajorArray(), FewEntries);
                        if (!few.Passed) other.Problems.Add($"{few}");
                    }
                }
                catch (ArgumentException)
                {
                    continue;   // a batch that the loss does not take
                }

                probe.Problems.AddRange(other.Problems.Select(problem => $"With a batch of {Signature.Number(rows)} rows, {problem}"));
            }
        }

        return new GradientReport($"{loss}", comparisons, probe.Problems);

        void Compare(string name, Matrix<double> byHand, Matrix<double> dL, Func<Matrix<double>> evaluate)
        {
            try
            {
                comparisons.Add(new FiniteDifferences(evaluate, dL, tolerance).Compare(name, probe.Prediction.Span(), prediction.RowCount, byHand.AsColumnMajorArray()));
            }
            catch (Exception exception) when (LayerProbe<double>.IsAnswer(exception))
            {
                probe.Problems.Add(LayerProbe<double>.Sentence($"dL/d{name}: the loss of a prediction that was moved a little", exception));
            }
        }
    }

    /// <summary>Checks a loss in float against the same loss in double: its value and its gradient; and, as in double, that it writes every entry and agrees with itself.</summary>
    /// <param name="loss">The loss.</param>
    /// <param name="twin">The same loss in double.</param>
    /// <param name="prediction">A prediction, samples x features.</param>
    /// <param name="target">A target.</param>
    /// <param name="absoluteTolerance">The difference that is allowed whatever the size of a number.</param>
    /// <param name="relativeTolerance">The difference that is allowed besides, relative to the twin's number.</param>
    /// <returns>What was compared, the worst entry, and what else is wrong.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">Prediction and target do not fit the loss.</exception>
    public static GradientReport Run(
        Loss<float> loss, Loss<double> twin, Matrix<float> prediction, Matrix<float> target, double absoluteTolerance = 1e-6, double relativeTolerance = 1e-5)
    {
        ArgumentNullException.ThrowIfNull(twin);
        RequireTolerance(absoluteTolerance, nameof(absoluteTolerance));
        RequireTolerance(relativeTolerance, nameof(relativeTolerance));
        var probe = Probe(loss, prediction, target);
        var comparisons = new List<GradientComparison>();
        if (probe.Run())
        {
            try
            {
                var (p, t, tolerance) = (Twin.Widen(prediction), Twin.Widen(target), new Twin.Tolerances(absoluteTolerance, relativeTolerance));
                comparisons.Add(Twin.Compare("L", 1, [probe.Value], [twin.Forward(p, t)], tolerance));
                comparisons.Add(Twin.Compare("prediction", prediction.RowCount, probe.Gradient.Span(), twin.Backward(p, t).Span(), tolerance));
            }
            catch (Exception exception) when (LayerProbe<double>.IsAnswer(exception))
            {
                probe.Problems.Add(LayerProbe<double>.Sentence("The twin", exception));
            }
        }

        return new GradientReport($"{loss}", comparisons, probe.Problems, "the twin's");
    }

    private static LossProbe<T> Probe<T>(Loss<T> loss, Matrix<T> prediction, Matrix<T> target) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(loss);
        Operand.Dense(loss, prediction, nameof(prediction));
        Operand.Dense(loss, target, nameof(target));
        return new(loss, prediction, target);
    }

    // Enough to see whether a gradient is right in batches of other sizes, too.
    private const int FewEntries = 16;

    private static void RequireTolerance(double tolerance, string name) => Expect.That(tolerance is >= 0 and < 1, nameof(GradientCheck), tolerance, "from 0 to below 1", name);

    private static int Rows<T>(Parameter<T> parameter) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> => parameter switch
    {
        MatrixParameter<T> matrix => matrix.Value.RowCount,
        _ => parameter.Count,
    };
}

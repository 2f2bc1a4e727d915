using System.Collections.Concurrent;
using System.Globalization;
using System.Numerics;
using System.Text;
using Backprop.Torch;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using static TorchSharp.torch;

namespace Backprop.Tests;

/// <summary>
/// The proof of a gradient: by hand, by PyTorch, and (in double) by finite differences, by the rules that every layer and loss is held to.
/// The upstream gradient is random; dX is compared as well as every parameter; a second backward pass must add.
/// What was found goes into the proof table.
/// </summary>
internal static class Proof
{
    private static readonly ConcurrentDictionary<(string Subject, string Quantity, string Type), Row> Rows = new();

    /// <summary>Proves a layer for one input.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="x">The input.</param>
    /// <param name="twin">PyTorch's output from the input and the parameters, which it gets by name.</param>
    /// <param name="seed">Seeds the upstream gradient.</param>
    /// <param name="training">The mode.</param>
    /// <param name="checkInput">Whether there is a dL/dX.</param>
    /// <param name="finiteDifferences">Whether to check by finite differences too; false at kinks.</param>
    /// <param name="tolerance">Where conditioning forbids the usual one: say why at the call.</param>
    /// <param name="beforeForward">Called before each of our forward passes: resets a generator.</param>
    public static void Layer<T>(
        Layer<T> layer, Matrix<T> x, Func<Tensor, IReadOnlyDictionary<string, Tensor>, Tensor> twin, int seed = 0, bool training = true,
        bool checkInput = true, bool finiteDifferences = true, Tolerance? tolerance = null, Action? beforeForward = null)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var subject = NameOf(layer is WithLengths<T> around ? around.Children[0].Layer : layer);
        using var scope = NewDisposeScope();
        using var xTorch = Tensor(x).requires_grad_(checkInput);
        var parameters = layer.NamedParameters().ToDictionary(named => named.Name, named => Tensor(named.Parameter).requires_grad_());
        var yTorch = twin(xTorch, parameters);

        beforeForward?.Invoke();
        var pass = layer.NewPass(training);
        var y = layer.Forward(x, pass);
        Compare(subject, "y", y, yTorch, tolerance);

        var dY = Any.Matrix<T>(y.RowCount, y.ColumnCount, seed + 1);
        foreach (var parameter in layer.Parameters) parameter.ZeroGradient();
        var dX = layer.Backward(pass, dY);
        if (yTorch.requires_grad) yTorch.backward([Tensor(dY)]);
        if (checkInput) Compare(subject, "dL/dx", dX, xTorch.grad!, tolerance);
        foreach (var (name, parameter) in layer.NamedParameters().Select(named => (named.Name, named.Parameter)))
            Compare(subject, $"dL/d{Quantity(name)}", parameter.Gradients, parameter.Shape, parameters[name].grad!, tolerance);

        // Once more, with the same pass: outputs have the same bits, gradients are added to.
        var (yOnce, dXOnce) = (y.Clone(), dX.Clone());
        var once = layer.Parameters.Select(parameter => parameter.Gradients.ToArray()).ToArray();
        beforeForward?.Invoke();
        Bits<T>(layer.Forward(x, pass).AsColumnMajorArray()).Should().Equal(Bits<T>(yOnce.AsColumnMajorArray()), "{0} gives the same bits again", layer);
        Bits<T>(layer.Backward(pass, dY).AsColumnMajorArray()).Should().Equal(Bits<T>(dXOnce.AsColumnMajorArray()), "{0} gives the same dX again", layer);
        for (var i = 0; i < once.Length; i++)
            for (var j = 0; j < once[i].Length; j++)
                double.CreateChecked(layer.Parameters[i].Gradients[j]).Should().BeApproximately(2 * double.CreateChecked(once[i][j]), 1e-5 * (1 + Math.Abs(double.CreateChecked(once[i][j]))), "backward passes add up");

        if (!finiteDifferences || layer is not Layer<double> inDouble) return;
        var report = GradientCheck.Run(inDouble, (Matrix<double>)(object)x, seed, training: training, checkInput: checkInput, beforeForward: beforeForward);
        report.Passed.Should().BeTrue("{0}", report);
        foreach (var comparison in report.Comparisons)
            RowOf<T>(subject, $"dL/d{Quantity(comparison.Name)}").AddFiniteDifference(comparison.AbsoluteDifference, 1e-6 * comparison.ShareOfAllowed);
    }

    /// <summary>A parameter's name without the layer and direction of a recurrent network, all of which share a row of the table.</summary>
    public static string Quantity(string name)
    {
        if (name.StartsWith("layer.", StringComparison.Ordinal)) name = name["layer.".Length..];
        return name.IndexOf("_l", StringComparison.Ordinal) is > 0 and var end && char.IsAsciiDigit(name[^1] == 'e' ? name[end + 2] : name[^1]) ? name[..end] : name;
    }

    /// <summary>Proves a loss for one prediction and target: its value, its gradient, and both without reduction.</summary>
    /// <param name="loss">The loss.</param>
    /// <param name="prediction">The prediction.</param>
    /// <param name="target">The target.</param>
    /// <param name="twin">PyTorch's loss from prediction and target, reduced as the loss does.</param>
    /// <param name="unreducedTwin">PyTorch's loss without reduction; null where it is compared elsewhere.</param>
    /// <param name="finiteDifferences">Whether to check by finite differences too; false at kinks.</param>
    /// <param name="tolerance">Where conditioning forbids the usual one: say why at the call.</param>
    public static void Loss<T>(
        Loss<T> loss, Matrix<T> prediction, Matrix<T> target, Func<Tensor, Tensor, Tensor> twin, Func<Tensor, Tensor, Tensor>? unreducedTwin = null,
        bool finiteDifferences = true, Tolerance? tolerance = null)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var subject = NameOf(loss);
        using var scope = NewDisposeScope();
        var (predictionTorch, targetTorch) = (Tensor(prediction).requires_grad_(), Tensor(target));
        var lossTorch = twin(predictionTorch, targetTorch);
        lossTorch.backward();
        T[] value = [loss.Forward(prediction, target)];
        Compare<T>(subject, "L", value, [1], lossTorch.reshape(1), tolerance);
        var dPrediction = loss.Backward(prediction, target);
        Compare(subject, "dL/dprediction", dPrediction, predictionTorch.grad!, tolerance);

        var reused = Matrix<T>.Build.Dense(prediction.RowCount, prediction.ColumnCount, T.NaN);
        Bits<T>(loss.Backward(prediction, target, reused).AsColumnMajorArray()).Should().Equal(Bits<T>(dPrediction.AsColumnMajorArray()), "{0} writes every entry of the result", loss);

        if (unreducedTwin is not null)
        {
            predictionTorch.grad!.zero_();
            var lossesTorch = unreducedTwin(predictionTorch, targetTorch);
            var losses = loss.Unreduced(prediction, target);
            Compare(subject, "L, unreduced", losses, lossesTorch.reshape(losses.RowCount, losses.ColumnCount), tolerance);
            var dLosses = Any.Matrix<T>(losses.RowCount, losses.ColumnCount, 7);
            lossesTorch.backward([Tensor(dLosses).reshape(lossesTorch.shape)]);
            Compare(subject, "dL/dprediction, unreduced", loss.UnreducedBackward(prediction, target, dLosses), predictionTorch.grad!, tolerance);
        }

        if (!finiteDifferences || loss is not Loss<double> inDouble) return;
        var report = GradientCheck.Run(inDouble, (Matrix<double>)(object)prediction, (Matrix<double>)(object)target);
        report.Passed.Should().BeTrue("{0}", report);
        RowOf<T>(subject, "dL/dprediction").AddFiniteDifference(report.Comparisons[0].AbsoluteDifference, 1e-6 * report.Comparisons[0].ShareOfAllowed);
    }

    /// <summary>Compares a matrix with PyTorch's and records the largest differences.</summary>
    public static void Compare<T>(string subject, string quantity, Matrix<T> ours, Tensor theirs, Tolerance? tolerance = null) where T : unmanaged, IFloatingPointIeee754<T> =>
        Compare<T>(subject, quantity, ours.AsColumnMajorArray(), [ours.RowCount, ours.ColumnCount], theirs, tolerance);

    /// <summary>Compares flat values (column after column) with PyTorch's and records the largest differences.</summary>
    public static void Compare<T>(string subject, string quantity, ReadOnlySpan<T> ours, IReadOnlyList<int> shape, Tensor theirs, Tolerance? tolerance = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        theirs.shape.Should().Equal(shape.Select(size => (long)size), "{0} has PyTorch's shape in {1}", subject, quantity);
        // Transposed, PyTorch's rows come as our columns. What has more dimensions is a matrix here: the first down the rows.
        using var flat = (shape.Count >= 2 ? theirs.detach().reshape(shape[0], -1).t() : theirs.detach()).contiguous().to(ScalarType.Float64);
        var expected = flat.data<double>().ToArray();
        var limit = tolerance ?? Tolerance.Of<T>();
        var row = RowOf<T>(subject, quantity);
        for (var i = 0; i < expected.Length; i++)
        {
            double a = double.CreateChecked(ours[i]), b = expected[i];
            var difference = a.Equals(b) ? 0 : Math.Abs(a - b);
            var allowed = limit.Absolute + limit.Relative * Math.Abs(b);
            if (!(difference == 0 || (difference <= allowed && double.IsFinite(b))))
                throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
                    $"{subject} {typeof(T).Name}, {quantity}: entry ({i % shape[0]}, {i / shape[0]}) is {a:R}, but PyTorch says {b:R}; they differ by {difference:G3}, {allowed:G3} is allowed."));
            row.AddPyTorch(difference, difference / (Math.Abs(b) + limit.Absolute / limit.Relative));
        }

        row.AddCase();
    }

    /// <summary>The table of everything that was proven in this run, as Markdown.</summary>
    public static string Table()
    {
        var text = new StringBuilder("""
            | what | gradient or value | type | cases | PyTorch: absolute | relative | finite differences: absolute | relative |
            |---|---|---|--:|--:|--:|--:|--:|

            """);
        foreach (var ((subject, quantity, type), row) in Rows.OrderBy(row => row.Key.Subject, StringComparer.Ordinal).ThenBy(row => row.Key.Quantity, StringComparer.Ordinal).ThenBy(row => row.Key.Type, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"| {subject} | {quantity} | {type} | {row} |\n");
        return text.ToString();
    }

    /// <summary>The same with a line for each layer and loss: its largest relative differences.</summary>
    public static string Summary()
    {
        var text = new StringBuilder("""
            | what | gradients | cases | PyTorch, double | PyTorch, float | finite differences |
            |---|---|--:|--:|--:|--:|

            """);
        foreach (var subject in Rows.GroupBy(row => row.Key.Subject).Where(group => group.Any(row => row.Key.Quantity.StartsWith("dL/", StringComparison.Ordinal)) && !group.Key.Contains(' ', StringComparison.Ordinal)).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            var gradients = subject.Select(row => row.Key.Quantity).Where(quantity => quantity.StartsWith("dL/", StringComparison.Ordinal))
                .Select(quantity => $"dL/d{quantity[(Math.Max(quantity.LastIndexOf('.'), "dL/".Length) + 1)..]}").Distinct().Order(StringComparer.Ordinal);
            double Largest(string type, Func<Row, double> of) => subject.Where(row => row.Key.Type == type).Select(row => of(row.Value)).DefaultIfEmpty().Max();
            text.Append(CultureInfo.InvariantCulture,
                $"| `{subject.Key}` | {string.Join(", ", gradients)} | {subject.Max(row => row.Value.Cases)} | {Largest("double", row => row.Relative):0.0e+0} | {Largest("float", row => row.Relative):0.0e+0} | {Largest("double", row => row.RelativeFinite):0.0e+0} |\n");
        }

        return text.ToString();
    }

    /// <summary>A tensor with the matrix's entries.</summary>
    public static Tensor Tensor<T>(Matrix<T> matrix) where T : unmanaged, IFloatingPointIeee754<T> => Tensor<T>(matrix.AsColumnMajorArray(), [matrix.RowCount, matrix.ColumnCount]);

    private static Tensor Tensor<T>(Parameter<T> parameter) where T : unmanaged, IFloatingPointIeee754<T> => Tensor<T>(parameter.Values.ToArray(), parameter.Shape);

    private static Tensor Tensor<T>(T[] columnMajor, IReadOnlyList<int> shape)
    {
        var tensor = columnMajor is double[] doubles ? torch.tensor(doubles) : torch.tensor((float[])(object)columnMajor);
        return shape.Count >= 2 ? tensor.reshape(-1, shape[0]).t().contiguous().reshape([.. shape.Select(size => (long)size)]) : tensor;
    }

    private static string NameOf(object subject) => subject.GetType().Name.Split('`')[0];

    private static IEnumerable<ulong> Bits<T>(T[] values) => values is double[] doubles
        ? doubles.Select(BitConverter.DoubleToUInt64Bits)
        : ((float[])(object)values).Select(value => (ulong)BitConverter.SingleToUInt32Bits(value));

    private static Row RowOf<T>(string subject, string quantity) =>
        Rows.GetOrAdd((subject, quantity, typeof(T) == typeof(double) ? "double" : "float"), _ => new Row());

    private sealed class Row
    {
        private readonly Lock _lock = new();
        private int _cases, _finiteDifferences;

        public int Cases => _cases;

        public double Relative => _relative;

        public double RelativeFinite => _relativeFinite;

        private double _absolute, _relative, _absoluteFinite, _relativeFinite;

        public void AddCase() => Interlocked.Increment(ref _cases);

        public void AddPyTorch(double absolute, double relative)
        {
            if (absolute == 0 || !double.IsFinite(absolute)) return;
            lock (_lock) (_absolute, _relative) = (Math.Max(_absolute, absolute), Math.Max(_relative, relative));
        }

        public void AddFiniteDifference(double absolute, double relative)
        {
            lock (_lock) (_finiteDifferences, _absoluteFinite, _relativeFinite) = (_finiteDifferences + 1, Math.Max(_absoluteFinite, absolute), Math.Max(_relativeFinite, relative));
        }

        public override string ToString() => string.Create(CultureInfo.InvariantCulture,
            $"{_cases} | {_absolute:0.0e+0} | {_relative:0.0e+0} | {(_finiteDifferences == 0 ? "|" : $"{_absoluteFinite:0.0e+0} | {_relativeFinite:0.0e+0}")}");
    }
}

using System.Globalization;
using Backprop.Torch;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>
/// What PyTorch itself computed (tests/fixtures/losses.py): the options that TorchSharp lacks or has wrong, and every loss at its kinks and extremes,
/// NaN and infinity among them.
/// </summary>
public abstract class LossFixtureTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    public static readonly TheoryData<string> Names =
        ["CrossEntropyLoss", "NLLLoss", "KLDivLoss", "GaussianNLLLoss", "PoissonNLLLoss", "BCEWithLogitsLoss", "BCELoss", "MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss"];

    [Theory, MemberData(nameof(Names))]
    public void Values_and_gradients_are_PyTorchs(string name)
    {
        var cases = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "fixtures", "losses.txt")).Where(line => line.StartsWith(name + ";", StringComparison.Ordinal)).ToArray();
        cases.Should().NotBeEmpty();
        foreach (var line in cases)
        {
            var fields = line.Split(';');
            var (options, prediction, target, reduction) = (fields[1], Parse(fields[2]), Parse(fields[3]), fields[5]);
            var loss = Make(name, options, fields[4].Length == 0 ? null : Parse(fields[4]).Row(0), reduction);
            var expected = Parse(reduction == "none" ? fields[6] : "1x1:" + fields[6]);
            var losses = reduction == "none" ? loss.Unreduced(prediction, target) : Matrix<T>.Build.Dense(1, 1, loss.Forward(prediction, target));
            var gradient = reduction == "none"
                ? loss.UnreducedBackward(prediction, target, Matrix<T>.Build.Dense(losses.RowCount, losses.ColumnCount, (i, j) => T.CreateChecked(i * losses.ColumnCount + j + 1)))
                : loss.Backward(prediction, target);
            Agree(losses, Mended(loss, losses, expected, prediction, target), line);
            Agree(gradient, MendedGradient(loss, Parse(fields[7]), target), line);
        }
    }

    // Two named deviations, where PyTorch has NaN and what the text says is a number: the loss of KLDivLoss is 0 where the target is, whatever the prediction ...
    private static Matrix<T> Mended(Loss<T> loss, Matrix<T> ours, Matrix<T> theirs, Matrix<T> prediction, Matrix<T> target)
    {
        if (loss is not KLDivLoss<T> { LogTarget: var logTarget } || !theirs.Enumerate().Any(T.IsNaN)) return theirs;
        if (ours.ColumnCount == target.ColumnCount)
            return theirs.MapIndexed((i, j, value) => T.IsNaN(value) && target[i, j] == (logTarget ? T.NegativeInfinity : T.Zero) ? T.Zero : value, Zeros.Include);
        var sum = loss.Unreduced(prediction, target).Enumerate().Aggregate(T.Zero, (sum, entry) => sum + entry);
        return Matrix<T>.Build.Dense(1, 1, loss.Reduction == Reduction.Sum ? sum : sum / T.CreateChecked(loss.Divisor(prediction, target)));
    }

    // ... and the gradient of a sample that cross entropy ignores.
    private static Matrix<T> MendedGradient(Loss<T> loss, Matrix<T> theirs, Matrix<T> target) => loss is CrossEntropyLoss<T> { IgnoreIndex: var ignored } && target.ColumnCount == 1
        ? theirs.MapIndexed((i, _, value) => target[i, 0] == T.CreateChecked(ignored) ? T.Zero : value, Zeros.Include)
        : theirs;

    private static Loss<T> Make(string name, string options, Vector<T>? weight, string reduced)
    {
        var option = options.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(text => text.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
        double Number(string key, double usual) => option.Remove(key, out var text) ? double.Parse(text, CultureInfo.InvariantCulture) : usual;
        bool Flag(string key, bool usual) => option.Remove(key, out var text) ? text == "True" : usual;
        var reduction = reduced == "sum" ? Reduction.Sum : Reduction.Mean;
        Loss<T> loss = name switch
        {
            "CrossEntropyLoss" => new CrossEntropyLoss<T>(weight, (int)Number("ignore_index", -100), reduction, Number("label_smoothing", 0)),
            "NLLLoss" => new NLLLoss<T>(weight, (int)Number("ignore_index", -100), reduction),
            "KLDivLoss" when reduced == "batchmean" => KLDivLoss<T>.BatchMean(Flag("log_target", false)),
            "KLDivLoss" => new KLDivLoss<T>(reduction, Flag("log_target", false)),
            "GaussianNLLLoss" => new GaussianNLLLoss<T>(Flag("full", false), Number("eps", 1e-6), reduction),
            "PoissonNLLLoss" => new PoissonNLLLoss<T>(Flag("log_input", true), Flag("full", false), Number("eps", 1e-8), reduction),
            "BCEWithLogitsLoss" => new BCEWithLogitsLoss<T>(reduction, weight),
            "BCELoss" => new BCELoss<T>(reduction),
            "MSELoss" => new MSELoss<T>(reduction),
            "L1Loss" => new L1Loss<T>(reduction),
            "SmoothL1Loss" => new SmoothL1Loss<T>(reduction, Number("beta", 1)),
            "HuberLoss" => new HuberLoss<T>(reduction, Number("delta", 1)),
            _ => throw new ArgumentException($"Nothing is known of {name}.", nameof(name)),
        };
        option.Should().BeEmpty("every option of the fixture is used");
        return loss;
    }

    private static Matrix<T> Parse(string text)
    {
        var (shape, entries) = (text.Split(':')[0].Split('x'), text.Split(':')[1].Split(' '));
        return Matrix<T>.Build.DenseOfRowMajor(int.Parse(shape[0], CultureInfo.InvariantCulture), int.Parse(shape[1], CultureInfo.InvariantCulture),
            entries.Select(entry => T.CreateSaturating(double.Parse(entry, CultureInfo.InvariantCulture))));
    }

    private static void Agree(Matrix<T> ours, Matrix<T> theirs, string line)
    {
        (ours.RowCount, ours.ColumnCount).Should().Be((theirs.RowCount, theirs.ColumnCount), line);
        var tolerance = Tolerance.Of<T>();
        foreach (var (a, b) in ours.Enumerate().Zip(theirs.Enumerate(), (a, b) => (double.CreateChecked(a), double.CreateChecked(b))))
            (a.Equals(b) || Math.Abs(a - b) <= tolerance.Absolute + tolerance.Relative * Math.Abs(b)).Should().BeTrue("{0:R} should be {1:R} in {2}", a, b, line);
    }
}

public sealed class LossFixtureDoubleTests : LossFixtureTests<double>;

public sealed class LossFixtureSingleTests : LossFixtureTests<float>;

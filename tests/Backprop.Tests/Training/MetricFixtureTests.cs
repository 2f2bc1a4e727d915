using System.Globalization;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>Metrics beside scikit-learn's.</summary>
public abstract class MetricFixtureTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private static readonly Dictionary<string, Func<Metric<T>>> Cases = new()
    {
        ["binary_accuracy"] = () => new BinaryAccuracy<T>(),
        ["binary_accuracy logits"] = () => new BinaryAccuracy<T>(threshold: 0),
        ["precision"] = () => new Precision<T>(),
        ["precision macro"] = () => new Precision<T>(ClassAverage.Macro),
        ["precision micro"] = () => new Precision<T>(ClassAverage.Micro),
        ["precision weighted"] = () => new Precision<T>(ClassAverage.Weighted),
        ["recall"] = () => new Recall<T>(),
        ["recall macro"] = () => new Recall<T>(ClassAverage.Macro),
        ["recall micro"] = () => new Recall<T>(ClassAverage.Micro),
        ["recall weighted"] = () => new Recall<T>(ClassAverage.Weighted),
        ["f1"] = () => new F1<T>(),
        ["f1 macro"] = () => new F1<T>(ClassAverage.Macro),
        ["f1 micro"] = () => new F1<T>(ClassAverage.Micro),
        ["f1 weighted"] = () => new F1<T>(ClassAverage.Weighted),
        ["matthews"] = () => new Matthews<T>(),
        ["roc_auc"] = () => new RocAuc<T>(),
        ["average_precision"] = () => new AveragePrecision<T>(),
        ["log_loss"] = () => new LogLoss<T>(),
        ["log_loss logits"] = () => new LogLoss<T>(logits: true),
        ["perplexity"] = () => new Perplexity<T>(),
        ["rmse"] = () => new RootMeanSquaredError<T>(),
        ["mape"] = () => new MeanAbsolutePercentageError<T>(),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    private static IEnumerable<(Matrix<T> Prediction, Matrix<T> Target, double Value)> Fixtures(string name) => Fixture.Lines("metrics").Where(line => line[0] == name).Select(line =>
    {
        var (rows, columns, targets) = (Number(line[1]), Number(line[2]), Number(line[3]));
        return (Matrix<T>.Build.DenseOfRowMajor(rows, columns, Fixture.Values<T>(line[4])), Matrix<T>.Build.DenseOfRowMajor(rows, targets, Fixture.Values<T>(line[5])), Fixture.Values<double>(line[6])[0]);
        static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
    });

    private static double Tolerance(double value) => (typeof(T) == typeof(double) ? 1e-12 : 2e-5) * Math.Max(1, Math.Abs(value));

    [Fact]
    public void Every_fixture_has_a_case() => Fixture.Lines("metrics").Select(line => line[0]).Distinct().Should().BeEquivalentTo(Cases.Keys);

    [Theory]
    [MemberData(nameof(Names))]
    public void Values_are_those_of_scikit_learn(string name)
    {
        // What a probability of 0 is kept from it by is the type's precision.
        var fixtures = Fixtures(name).Where(fixture => name != "log_loss" || typeof(T) == typeof(double) || !fixture.Prediction.Enumerate().Any(p => p == T.Zero || p == T.One)).ToList();
        fixtures.Should().HaveCountGreaterThanOrEqualTo(3);
        foreach (var (prediction, target, value) in fixtures) Cases[name]().Of(prediction, target).Should().BeApproximately(value, Tolerance(value), $"of {Operand.Shape(prediction)}");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Chunks_and_ignored_samples_change_nothing(string name)
    {
        foreach (var (prediction, target, _) in Fixtures(name))
        {
            var (metric, state) = (Cases[name](), Cases[name]().NewState());
            var whole = metric.Of(prediction, target);
            for (var first = 0; first < prediction.RowCount; first += 7)
            {
                var count = Math.Min(7, prediction.RowCount - first);
                state.Add(prediction.SubMatrix(first, count, 0, prediction.ColumnCount), target.SubMatrix(first, count, 0, target.ColumnCount));
            }

            state.Value.Should().BeApproximately(whole, Tolerance(whole) / 1000);
            if (metric is RootMeanSquaredError<T> or MeanAbsolutePercentageError<T>) continue;
            Matrix<T> more = prediction.InsertRow(0, prediction.Row(prediction.RowCount - 1)), ignored = target.InsertRow(0, Vector<T>.Build.Dense(1, T.CreateChecked(-100)));
            Dense(metric, more, ignored).Should().Be(whole);
        }
    }

    private static double Dense(Metric<T> metric, Matrix<T> prediction, Matrix<T> target) => metric.Of(Matrix<T>.Build.DenseOfMatrix(prediction), Matrix<T>.Build.DenseOfMatrix(target));

    private sealed class BalancedAccuracy() : ClassMetric<T>("balanced_accuracy")
    {
        protected override double Value(ClassCounts counts) => Enumerable.Range(0, counts.Classes).Where(c => counts.Actual(c) > 0).Average(c => (double)counts.Right(c) / counts.Actual(c));
    }

    [Fact]
    public void A_metric_of_ones_own_is_made_of_counts()
    {
        var prediction = Matrix<T>.Build.DenseOfColumnMajor(4, 1, [T.CreateChecked(0.9), T.CreateChecked(0.2), T.CreateChecked(0.8), T.CreateChecked(0.1)]);
        var target = Matrix<T>.Build.DenseOfColumnMajor(4, 1, [T.One, T.One, T.One, T.Zero]);
        new BalancedAccuracy().Of(prediction, target).Should().BeApproximately((2.0 / 3 + 1) / 2, 1e-12);
    }

    [Fact]
    public void What_cannot_be_measured_is_refused_or_no_number()
    {
        Matrix<T> scores = Any.Matrix<T>(5, 3, 1).PointwiseAbs(), column = Any.Matrix<T>(5, 1, 1).PointwiseAbs(), none = Matrix<T>.Build.Dense(5, 1, T.CreateChecked(-100));
        Matrix<T> Targets(params int[] classes) => Matrix<T>.Build.Dense(classes.Length, 1, (i, _) => T.CreateChecked(classes[i]));
        foreach (var make in Cases.Where(pair => pair.Key is not ("rmse" or "mape")).Select(pair => pair.Value))
        {
            double.IsNaN(make().Of(scores, none)).Should().BeTrue("nothing counts");
            make().Invoking(m => m.Of(scores, Targets(0, 1, 2, 3, 1))).Should().Throw<ArgumentOutOfRangeException>().WithMessage("* expects classes 0 to 2, but target has 3 for sample 3.*");
        }

        foreach (var make in Cases.Where(pair => pair.Key is not ("rmse" or "mape" or "perplexity")).Select(pair => pair.Value))
            make().Invoking(m => m.Of(column, Targets(0, 1, 0, 2, 1))).Should().Throw<ArgumentOutOfRangeException>().WithMessage("* expects classes 0 and 1, but target has 2 for sample 3.*");

        new LogLoss<T>().Invoking(m => m.Of(scores * T.CreateChecked(8), Targets(0, 1, 2, 0, 1))).Should().Throw<ArgumentException>().WithMessage("log_loss expects probabilities from 0 to 1, but prediction has * in row 0, column *; logits: true takes logits.");
        new LogLoss<T>(logits: true).Of(scores * T.CreateChecked(8), Targets(0, 1, 2, 0, 1)).Should().BePositive();
        new RocAuc<T>().Invoking(m => m.Of(column, Targets(1, 1, 1, 1, 1))).Should().Throw<ArgumentException>().WithMessage("roc_auc expects samples of class 0 and others, but of 5 samples none is.*");
        new AveragePrecision<T>().Invoking(m => m.Of(scores, Targets(1, 1, 2, 1, 1))).Should().Throw<ArgumentException>().WithMessage("average_precision expects samples of class 0 and others, but of 5 samples none is.*");
        column[2, 0] = T.NaN;
        new RocAuc<T>().Invoking(m => m.Of(column, Targets(1, 0, 1, 1, 1))).Should().Throw<ArgumentException>().WithMessage("roc_auc expects numbers, but prediction has NaN for sample 2.*");
        new F1<T>().Invoking(m => m.Of(column, Targets(1, 0, 1, 1, 1))).Should().Throw<ArgumentException>().WithMessage("f1 expects numbers, but prediction has NaN for sample 2.*");
        FluentActions.Invoking(() => new F1<T>((ClassAverage)7)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => new Recall<T>(threshold: double.NaN)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("recall expects threshold to be finite, but it is NaN.*");
        new Precision<T>(ClassAverage.Weighted).Name.Should().Be("precision_weighted");
    }

    [Fact]
    public void A_confusion_matrix_is_written_with_names()
    {
        var counts = new[,] { { 12, 3 }, { 0, 105 } };
        ConfusionMatrix.ToText(counts, "cat", "elephant").Should().Be(
            """
            actual \ predicted  cat  elephant
            cat                  12         3
            elephant              0       105
            """.ReplaceLineEndings("\n"));
        ConfusionMatrix.ToText(counts).Should().StartWith("actual \\ predicted   0    1\n0");
        FluentActions.Invoking(() => ConfusionMatrix.ToText(counts, "cat")).Should().Throw<ArgumentException>().WithMessage("ConfusionMatrix expects a name for each of 2 classes, but there are 1.*");
        FluentActions.Invoking(() => ConfusionMatrix.ToText(new int[2, 3])).Should().Throw<ArgumentException>().WithMessage("ConfusionMatrix expects as many columns as rows, but counts is 2x3.*");
    }
}

public sealed class MetricFixtureDoubleTests : MetricFixtureTests<double>;

public sealed class MetricFixtureSingleTests : MetricFixtureTests<float>;

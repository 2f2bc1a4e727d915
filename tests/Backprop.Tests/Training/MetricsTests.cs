using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

public abstract class MetricsTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private static Matrix<T> M(double[,] values) => Matrix<double>.Build.DenseOfArray(values).Map(T.CreateChecked, Zeros.Include);

    // Right at once; right at the second guess; a tie, which the lower class wins; right at the third.
    private static readonly Matrix<T> Prediction = M(new[,] { { 0.1, 0.7, 0.2 }, { 0.5, 0.1, 0.4 }, { 0.4, 0.4, 0.2 }, { 3, 2, 1.0 } });
    private static readonly Matrix<T> Target = M(new double[,] { { 1 }, { 2 }, { 1 }, { 2 } });

    [Theory]
    [InlineData(1, "accuracy", 0.25)]
    [InlineData(2, "top_2_accuracy", 0.75)]
    [InlineData(3, "top_3_accuracy", 1)]
    public void Accuracy_counts_classes_among_the_largest_outputs(int k, string name, double expected)
    {
        var accuracy = new Accuracy<T>(k);
        accuracy.Name.Should().Be(name);
        accuracy.Of(Prediction, Target).Should().Be(expected);
        accuracy.Of(Prediction, M(new double[,] { { 0, 1, 0 }, { 0, 0, 1 }, { 0, 1, 0 }, { 0, 0.4, 0.6 } })).Should().Be(expected, "a column for each class says the same");
    }

    [Fact]
    public void A_prediction_that_is_no_number_is_wrong() =>
        new Accuracy<T>().Of(M(new[,] { { double.NaN, double.NaN } }), M(new double[,] { { 0 } })).Should().Be(0);

    [Fact]
    public void Ignored_samples_count_nowhere()
    {
        var target = M(new double[,] { { 1 }, { -100 }, { 1 }, { -100 } });
        new Accuracy<T>(ignoreIndex: -100).Of(Prediction, target).Should().Be(0.5);
        new Accuracy<T>(2, ignoreIndex: -100).Of(Prediction, target).Should().Be(1);
        new Accuracy<T>(ignoreIndex: -100).Of(Prediction, M(new double[,] { { -100 }, { -100 }, { -100 }, { -100 } })).Should().Be(double.NaN);
        Refused(() => new Accuracy<T>(ignoreIndex: 1).Of(Prediction, target), "accuracy expects classes 0 to 2, but target has -100 for sample 1. (Parameter 'target')");
        Settings.Of(new Accuracy<T>(ignoreIndex: -7))["ignoreIndex"].Should().Be("-7");
        Settings.Of(new Accuracy<T>()).Should().NotContainKey("ignoreIndex", "files of 0.2 know nothing of it");
    }

    [Fact]
    public void The_confusion_matrix_has_a_row_for_each_actual_class() =>
        ConfusionMatrix.Of(Prediction, Target).Should().BeEquivalentTo(new[,] { { 0, 0, 0 }, { 1, 1, 0 }, { 2, 0, 0 } });

    [Fact]
    public void Errors_and_r2_are_means_over_entries_and_columns()
    {
        Matrix<T> p = M(new double[,] { { 1, 0 }, { 2, 1 }, { 3, 2 } }), t = M(new double[,] { { 2, 0 }, { 2, 1 }, { 5, 2 } });
        new MeanAbsoluteError<T>().Of(p, t).Should().BeApproximately(0.5, 1e-12);
        new R2<T>().Of(p, t).Should().BeApproximately((1 - 5.0 / 6 + 1) / 2, 1e-12, "the first column has 5 of 6, the second all");
        new R2<T>().Of(t, t).Should().Be(1);
        var constant = M(new double[,] { { 3 }, { 3 } });
        new R2<T>().Of(constant, constant).Should().Be(1);
        new R2<T>().Of(M(new double[,] { { 3 }, { 4 } }), constant).Should().Be(0);
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(1e-300)]
    [InlineData(123456.7)]
    public void Of_a_target_that_never_changes_r2_is_1_or_0(double value)
    {
        foreach (var count in (int[])[1, 2, 10, 1000])
        {
            var constant = Matrix<T>.Build.Dense(count, 1, T.CreateChecked(value));
            new R2<T>().Of(constant, constant).Should().Be(1);
            new R2<T>().Of(constant + T.One, constant).Should().Be(0);
        }
    }

    [Fact]
    public void Metrics_of_chunks_are_those_of_the_whole() => CsCheck.Gen.Select(Any.Shape, Any.Size, Any.Size).ForAll(sizes =>
    {
        var ((rows, columns, seed), first, second) = sizes;
        Matrix<T> p = Any.Matrix<T>(rows + first + second, columns + 1, seed), t = Any.Matrix<T>(rows + first + second, columns + 1, seed + 1);
        foreach (var metric in (Metric<T>[])[new Accuracy<T>(), new R2<T>(), new MeanAbsoluteError<T>(), new Whole()])
        {
            var state = metric.NewState();
            foreach (var (start, count) in ((int, int)[])[(0, rows), (rows, first), (rows + first, second)])
            {
                Matrix<T> prediction = p.SubMatrix(start, count, 0, p.ColumnCount), target = t.SubMatrix(start, count, 0, p.ColumnCount);
                state.Add(prediction, target);
                prediction.Clear();      // as the next chunk would overwrite it
                target.Clear();
            }

            state.Value.Should().BeApproximately(metric.Of(p, t), 1e-9, metric.Name);
        }
    });

    [Fact]
    public void NaN_among_the_outputs_is_never_the_right_class_and_larger_than_any_other()
    {
        var prediction = M(new[,] { { double.NaN, 1 }, { double.NaN, 1 }, { double.NaN, double.NaN } });
        var target = M(new double[,] { { 0 }, { 1 }, { 0 } });
        new Accuracy<T>().Of(prediction, target).Should().Be(0);
        new Accuracy<T>(2).Of(prediction, target).Should().BeApproximately(1.0 / 3, 1e-15, "the second guess is right in the second row");
    }

    [Fact]
    public void What_cannot_be_measured_is_refused()
    {
        Refused(() => ConfusionMatrix.Of(M(new[,] { { 1, 2 }, { double.NaN, double.NaN } }), M(new double[,] { { 0 }, { 1 } })), "ConfusionMatrix expects a largest column in each row, but prediction has NaN for sample 1. (Parameter 'prediction')");
        Refused(() => new Accuracy<T>().Of(M(new double[,] { { 1, 2 } }), M(new[,] { { double.NaN, 1 } })), "accuracy expects a largest column in each row, but target has NaN for sample 0. (Parameter 'target')");
        Refused(() => new Accuracy<T>().Of(Prediction, M(new double[,] { { 1 }, { 3 }, { 1 }, { 2 } })), "accuracy expects classes 0 to 2, but target has 3 for sample 1. (Parameter 'target')");
        Refused(() => new Accuracy<T>().Of(Prediction, M(new[,] { { 1 }, { 0.5 }, { 1 }, { 2 } })), "accuracy expects classes 0 to 2, but target has 0.5 for sample 1. (Parameter 'target')");
        Refused(() => new Accuracy<T>().Of(Prediction, M(new[,] { { 1 }, { -1.0 }, { 1 }, { 2 } })), "accuracy expects classes 0 to 2, but target has -1 for sample 1. (Parameter 'target')");
        Refused(() => new Accuracy<T>().Of(Prediction, M(new[,] { { 1 }, { double.NaN }, { 1 }, { 2 } })), "accuracy expects classes 0 to 2, but target has NaN for sample 1. (Parameter 'target')");
        Refused(() => new Accuracy<T>().Of(Prediction, M(new double[,] { { 1, 0 }, { 1, 0 }, { 1, 0 }, { 1, 0 } })), "accuracy expects 1 column of class indices or 3 columns, one for each class, but target is 4x2. (Parameter 'target')");
        Refused(() => new Accuracy<T>().Of(Target, Target), "accuracy expects a column for each class, but prediction is 4x1. (Parameter 'prediction')");
        Refused(() => new Accuracy<T>(4).Of(Prediction, Target), "top_4_accuracy expects at least 4 outputs, but prediction is 4x3. (Parameter 'prediction')");
        Refused(() => new Accuracy<T>().Of(Prediction, Target.SubMatrix(0, 3, 0, 1)), "accuracy expects a target for each prediction, but prediction is 4x3 and target is 3x1. (Parameter 'target')");
        Refused(() => ConfusionMatrix.Of(Prediction, M(new double[,] { { 1 }, { 3 }, { 1 }, { 2 } })), "ConfusionMatrix expects classes 0 to 2, but target has 3 for sample 1. (Parameter 'target')");
        Refused(() => new R2<T>().Of(Prediction, Target), "r2 expects prediction and target of the same shape, but prediction is 4x3 and target is 4x1. (Parameter 'target')");
        Refused(() => new MeanAbsoluteError<T>().Of(Prediction, Matrix<T>.Build.Sparse(4, 3)), "mae expects a dense matrix, but target is a 4x3 *");
        Refused(() => new Accuracy<T>(0), "Accuracy expects k to be at least 1. (Parameter 'k')*");
    }

    /// <summary>Accuracy, by one who only writes Measure.</summary>
    private sealed class Whole : Metric<T>
    {
        public override string Name => "whole";

        protected override double Measure(Matrix<T> prediction, Matrix<T> target) => new Accuracy<T>().Of(prediction, target);
    }

    private static void Refused(Func<object> act, string message) => act.Should().Throw<ArgumentException>().WithMessage(message);
}

public sealed class MetricsDoubleTests : MetricsTests<double>;

public sealed class MetricsSingleTests : MetricsTests<float>;

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

    [Fact]
    public void What_cannot_be_measured_is_refused()
    {
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

    private static void Refused(Func<object> act, string message) => act.Should().Throw<ArgumentException>().WithMessage(message);
}

public sealed class MetricsDoubleTests : MetricsTests<double>;

public sealed class MetricsSingleTests : MetricsTests<float>;

using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>Classes given as integers.</summary>
public sealed class ClassificationLossTests
{
    public static readonly TheoryData<ClassificationLoss<double>> Losses =
        [new CrossEntropyLoss<double>(ignoreIndex: 2), new CrossEntropyLoss<double>(LossCases.Weights<double>(4, 1), 2, Reduction.Sum, 0.1), new NLLLoss<double>(LossCases.Weights<double>(4, 1), 2)];

    private static readonly int[] Classes = [3, 2, 0, 1, 3, 2];

    private static readonly Matrix<double> Prediction = Any.Matrix<double>(6, 4, 1);

    [Theory, MemberData(nameof(Losses), DisableDiscoveryEnumeration = true)]
    public void Integers_mean_what_a_column_of_numbers_means(ClassificationLoss<double> loss)
    {
        var target = Matrix<double>.Build.Dense(6, 1, (i, _) => Classes[i]);
        var (dLosses, result) = (Any.Matrix<double>(6, 1, 2), Matrix<double>.Build.Dense(6, 4, 7));
        loss.Forward(Prediction, Classes).Should().Be(loss.Forward(Prediction, target));
        loss.Backward(Prediction, Classes).Should().Be(loss.Backward(Prediction, target));
        loss.Backward(Prediction, Classes, result).Should().BeSameAs(result).And.Be(loss.Backward(Prediction, target));
        loss.Unreduced(Prediction, Classes).Should().Be(loss.Unreduced(Prediction, target));
        loss.UnreducedBackward(Prediction, Classes, dLosses).Should().Be(loss.UnreducedBackward(Prediction, target, dLosses));
    }

    [Theory, MemberData(nameof(Losses), DisableDiscoveryEnumeration = true)]
    public void Bad_integers_are_named_and_nothing_changes(ClassificationLoss<double> loss)
    {
        var result = Matrix<double>.Build.Dense(6, 4, 7);
        Refused([3, 2, 0, 4, 3, 2], $"{loss} expects classes 0 to 3, or 2 to ignore a sample, but classes has 4 for sample 3. (Parameter 'classes')");
        Refused([3, 2, -100, 1, 3, 2], $"{loss} expects classes 0 to 3, or 2 to ignore a sample, but classes has -100 for sample 2. (Parameter 'classes')");
        Refused([3, 2, 0], $"{loss} expects a class for each sample, but prediction is 6x4 and there are 3 classes. (Parameter 'classes')");
        result.Enumerate().Should().AllBeEquivalentTo(7.0);

        void Refused(int[] classes, string message)
        {
            foreach (var act in (Action[])[
                () => loss.Forward(Prediction, classes), () => loss.Backward(Prediction, classes), () => loss.Backward(Prediction, classes, result),
                () => loss.Unreduced(Prediction, classes), () => loss.UnreducedBackward(Prediction, classes, Any.Matrix<double>(6, 1, 2))])
                act.Should().Throw<ArgumentException>().WithMessage(message);
        }
    }

    [Fact]
    public void A_result_that_is_the_prediction_is_refused()
    {
        var act = () => new CrossEntropyLoss<double>().Backward(Prediction, Classes, Prediction);
        act.Should().Throw<ArgumentException>().WithMessage("CrossEntropyLoss() expects a result of its own, but it shares its entries with an operand. (Parameter 'result')");
    }

    [Fact]
    public void An_upstream_gradient_has_a_row_for_each_sample()
    {
        var act = () => new CrossEntropyLoss<double>().UnreducedBackward(Prediction, Classes, Prediction);
        act.Should().Throw<ArgumentException>().WithMessage("CrossEntropyLoss() expects dLosses to be 6x1, but it is 6x4. (Parameter 'dLosses')");
    }
}

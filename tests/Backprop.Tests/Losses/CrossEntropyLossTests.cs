using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class CrossEntropyLossTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Theory]
    [InlineData(Reduction.Mean, false, -100, 0)]
    [InlineData(Reduction.Sum, false, -100, 0)]
    [InlineData(Reduction.Mean, true, -100, 0)]
    [InlineData(Reduction.Sum, true, -100, 0)]
    [InlineData(Reduction.Mean, false, 1, 0.1)]
    [InlineData(Reduction.Sum, false, -7, 0.25)]
    [InlineData(Reduction.Mean, true, -100, 0.1)]
    [InlineData(Reduction.Sum, true, 0, 1)]
    public void Gradients_agree_with_PyTorch_and_finite_differences(Reduction reduction, bool weighted, int ignored, double smoothing) => Any.Shape.ForAll(shape =>
    {
        var columns = shape.Columns + 1; // one is refused
        var weight = weighted ? LossCases.Weights<T>(columns, shape.Seed + 2) : null;
        using var weightTorch = weight is null ? null : Proof.Tensor(weight.ToRowMatrix()).squeeze(0);
        var target = LossCases.Classes<T>(shape.Rows, columns, shape.Seed + 1, ignored);
        if (target.Enumerate().All(y => y == T.CreateChecked(ignored))) target[0, 0] = T.CreateChecked(columns - 1); // a mean of nothing is tested elsewhere
        Proof.Loss(new CrossEntropyLoss<T>(weight, ignored, reduction, smoothing), Any.Matrix<T>(shape.Rows, columns, shape.Seed, 4), target,
            (p, t) => nn.functional.cross_entropy(p, t.squeeze(1).to(ScalarType.Int64), weightTorch, ignored, reduction.InTorch(), smoothing),
            (p, t) => nn.functional.cross_entropy(p, t.squeeze(1).to(ScalarType.Int64), weightTorch, ignored, nn.Reduction.None, smoothing));
    });

    [NeedsTorch]
    [Theory]
    [InlineData(Reduction.Mean, false, 0)]
    [InlineData(Reduction.Sum, false, 0)]
    [InlineData(Reduction.Mean, true, 0)]
    [InlineData(Reduction.Sum, true, 0)]
    [InlineData(Reduction.Mean, false, 0.1)]
    [InlineData(Reduction.Sum, false, 0.1)]
    [InlineData(Reduction.Mean, true, 0.25)]
    [InlineData(Reduction.Sum, true, 1)]
    public void Gradients_from_probabilities_agree_too(Reduction reduction, bool weighted, double smoothing) => Any.Shape.ForAll(shape =>
    {
        var columns = shape.Columns + 1;
        var weight = weighted ? LossCases.Weights<T>(columns, shape.Seed + 2) : null;
        using var weightTorch = weight is null ? null : Proof.Tensor(weight.ToRowMatrix()).squeeze(0);
        Proof.Loss(new CrossEntropyLoss<T>(weight, reduction: reduction, labelSmoothing: smoothing),
            Any.Matrix<T>(shape.Rows, columns, shape.Seed, 4), LossCases.Distributions<T>(shape.Rows, columns, shape.Seed + 1),
            (p, t) => nn.functional.cross_entropy(p, t, weightTorch, -100, reduction.InTorch(), smoothing),
            (p, t) => nn.functional.cross_entropy(p, t, weightTorch, -100, nn.Reduction.None, smoothing));
    });

    [NeedsTorch]
    [Theory]
    [InlineData(63, 3)]
    [InlineData(64, 10)]
    [InlineData(129, 5)]
    [InlineData(200, 33)]
    [InlineData(9, 150)]
    public void Many_samples_and_many_classes_agree_too(int rows, int columns)
    {
        using var weightTorch = Proof.Tensor(LossCases.Weights<T>(columns, 3).ToRowMatrix()).squeeze(0);
        Proof.Loss(new CrossEntropyLoss<T>(LossCases.Weights<T>(columns, 3), labelSmoothing: 0.1), Any.Matrix<T>(rows, columns, 1, 4), LossCases.Classes<T>(rows, columns, 2, -100),
            (p, t) => nn.functional.cross_entropy(p, t.squeeze(1).to(ScalarType.Int64), weightTorch, label_smoothing: 0.1),
            (p, t) => nn.functional.cross_entropy(p, t.squeeze(1).to(ScalarType.Int64), weightTorch, -100, nn.Reduction.None, 0.1), finiteDifferences: false);
        Proof.Loss(new CrossEntropyLoss<T>(LossCases.Weights<T>(columns, 3), labelSmoothing: 0.1), Any.Matrix<T>(rows, columns, 1, 4), LossCases.Distributions<T>(rows, columns, 2),
            (p, t) => nn.functional.cross_entropy(p, t, weightTorch, label_smoothing: 0.1),
            (p, t) => nn.functional.cross_entropy(p, t, weightTorch, -100, nn.Reduction.None, 0.1), finiteDifferences: false);
    }

    // Deviates from PyTorch, whose gradient of an ignored sample is NaN where its logits are not finite: 0 times NaN.
    [Theory]
    [InlineData(0, false)]
    [InlineData(0, true)]
    [InlineData(0.1, false)]
    [InlineData(1, true)]
    public void Ignored_samples_count_nowhere_whatever_was_predicted_for_them(double smoothing, bool weighted)
    {
        const int Rows = 133, Columns = 5; // more than one block, and an end
        var loss = new CrossEntropyLoss<T>(weighted ? LossCases.Weights<T>(Columns, 1) : null, -7, labelSmoothing: smoothing);
        Matrix<T> good = Any.Matrix<T>(Rows, Columns, 1, 4), bad = good.Clone(), t = LossCases.Classes<T>(Rows, Columns, 2, -7);
        T[] values = [T.NegativeInfinity, T.NaN, T.PositiveInfinity];
        for (var i = 0; i < Rows; i++)
            for (var j = 0; j < Columns && t[i, 0] < T.Zero; j++)
                if (i % 4 != 3 ? j == i % Columns : true) bad[i, j] = values[i % 3]; // one of them, or all
        var classes = t.Enumerate().Select(int.CreateChecked).ToArray();
        var (dLosses, dirty) = (Matrix<T>.Build.Dense(Rows, 1, (i, _) => t[i, 0] < T.Zero ? values[i % 3] : T.CreateChecked(0.5 + i)), Matrix<T>.Build.Dense(Rows, Columns, T.NaN));
        var gradient = loss.Backward(good, t);
        var ignored = gradient.EnumerateRows().Where((_, i) => t[i, 0] < T.Zero).ToArray();
        ignored.Should().HaveCountGreaterThan(20);
        ignored.SelectMany(row => row).Should().AllBeEquivalentTo(T.Zero);

        loss.Forward(bad, t).Should().Be(loss.Forward(good, t));
        loss.Unreduced(bad, t).Should().Be(loss.Unreduced(good, t));
        loss.Backward(bad, t).Should().Be(gradient);
        loss.Backward(bad, t, dirty).Should().Be(gradient);
        loss.Backward(bad, classes).Should().Be(gradient);
        dirty.Clear();
        loss.ForwardBackward(bad, classes, dirty).Should().Be(loss.Forward(good, t));
        dirty.Should().Be(gradient);
        var unreduced = loss.UnreducedBackward(bad, t, dLosses);
        unreduced.Should().Be(loss.UnreducedBackward(good, t, dLosses));
        unreduced.Enumerate().All(T.IsFinite).Should().BeTrue();
    }

    [NeedsTorch]
    [Fact]
    public void An_ignored_sample_has_no_gradient_where_the_first_class_is_as_good_as_impossible()
    {
        var loss = new CrossEntropyLoss<T>();
        var p = Matrix<T>.Build.DenseOfRowArrays([T.CreateChecked(-30000), T.Zero, T.One], [T.One, T.Zero, T.One]);
        var dP = loss.Backward(p, Matrix<T>.Build.DenseOfColumnArrays([T.CreateChecked(-100), T.One]));
        dP.Row(0).Should().Equal(T.Zero, T.Zero, T.Zero);
        dP[1, 1].Should().NotBe(T.Zero);

        // Nor with labels that are smoothed, where the first class weighs nothing.
        loss = new CrossEntropyLoss<T>(MathNet.Numerics.LinearAlgebra.Vector<T>.Build.Dense([T.Zero, T.One, T.One]), labelSmoothing: 0.25);
        loss.Backward(p, Matrix<T>.Build.DenseOfColumnArrays([T.CreateChecked(-100), T.One])).Row(0).Should().Equal(T.Zero, T.Zero, T.Zero);
    }

    [Fact]
    public void PyTorchs_gradient_of_an_ignored_sample_may_be_NaN()
    {
        using var logits = Proof.Tensor(Matrix<T>.Build.Dense(2, 2, [T.NegativeInfinity, T.One, T.NaN, T.Zero])).requires_grad_();
        using var loss = nn.functional.cross_entropy(logits, tensor(new long[] { -100, 1 }), ignore_index: -100);
        loss.backward();
        logits.grad!.to(ScalarType.Float64).isnan().data<bool>().ToArray().Should().Equal(true, true, false, false);
    }

    [NeedsTorch]
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Logits_of_minus_infinity_have_PyTorchs_values_and_gradients(bool weighted)
    {
        // Another class's logit: fine without smoothing, infinite loss and finite gradient with it. The class's own: infinite. A weight of 0 times infinity: NaN.
        var p = Matrix<T>.Build.DenseOfRowArrays([T.NegativeInfinity, T.One, T.Zero], [T.One, T.NegativeInfinity, T.NegativeInfinity], [T.NegativeInfinity, T.NegativeInfinity, T.One]);
        var weight = weighted ? Vector<T>.Build.Dense([T.Zero, T.One, T.CreateChecked(2)]) : null;
        using var weightTorch = weight is null ? null : Proof.Tensor(weight.ToRowMatrix()).squeeze(0);
        foreach (var smoothing in (double[])[0, 0.1])
            foreach (var classes in (double[][])[[1, 0, 2], [2, 0, 0], [0, 1, 1]])
            {
                using var logits = Proof.Tensor(p).requires_grad_();
                using var losses = nn.functional.cross_entropy(logits, tensor(classes.Select(y => (long)y).ToArray()), weightTorch, -100, nn.Reduction.None, smoothing);
                losses.sum().backward();
                var loss = new CrossEntropyLoss<T>(weight, reduction: Reduction.Sum, labelSmoothing: smoothing);
                var t = Matrix<T>.Build.Dense(3, 1, (i, _) => T.CreateChecked(classes[i]));
                Same(loss.Unreduced(p, t), losses.detach().reshape(3, 1));
                Same(loss.Backward(p, t), logits.grad!);
            }

        static void Same(Matrix<T> ours, Tensor theirs)
        {
            foreach (var (a, b) in ours.EnumerateColumns().SelectMany(column => column).Zip(theirs.t().contiguous().to(ScalarType.Float64).data<double>().ToArray(), (a, b) => (double.CreateChecked(a), b)))
                (a.Equals(b) || Math.Abs(a - b) < 1e-6).Should().BeTrue("{0} should be {1}", a, b);
        }
    }

    [Fact]
    public void One_column_is_refused_and_the_right_loss_is_named()
    {
        // The softmax of one logit is 1: loss and gradient would be 0, whatever the logit, and a network that never learns says nothing.
        var (p, t, loss) = (Any.Matrix<T>(3, 1, 1), Matrix<T>.Build.Dense(3, 1, T.Zero), new CrossEntropyLoss<T>());
        foreach (var act in (Action[])[
            () => loss.Forward(p, t), () => loss.Backward(p, t), () => loss.ForwardBackward(p, t, p.Clone()), () => loss.Divisor(p, t), () => loss.Unreduced(p, t), () => loss.UnreducedBackward(p, t, t),
            () => loss.Forward(p, [0, 0, 0]), () => loss.Backward(p, [0, 0, 0]), () => loss.ForwardBackward(p, [0, 0, 0], p.Clone())])
            act.Should().Throw<ArgumentException>().WithMessage(
                "CrossEntropyLoss() expects a column for each of at least 2 classes, but prediction is 3x1: the softmax of one column is 1, and there is nothing to learn. For two classes told by one column, use BCEWithLogitsLoss. (Parameter 'prediction')");
    }

    [Fact]
    public void All_samples_ignored_the_mean_is_NaN_and_its_gradient_zero()
    {
        var (p, t) = (Any.Matrix<T>(3, 4, 1), Matrix<T>.Build.Dense(3, 1, T.CreateChecked(-100)));
        foreach (var smoothing in (double[])[0, 0.1])
        {
            T.IsNaN(new CrossEntropyLoss<T>(labelSmoothing: smoothing).Forward(p, t)).Should().BeTrue();
            new CrossEntropyLoss<T>(labelSmoothing: smoothing).Backward(p, t).Enumerate().Should().AllBeEquivalentTo(T.Zero);
            new CrossEntropyLoss<T>(reduction: Reduction.Sum, labelSmoothing: smoothing).Forward(p, t).Should().Be(T.Zero);
        }
    }
}

public sealed class CrossEntropyLossDoubleTests : CrossEntropyLossTests<double>
{
    private static readonly Vector<double> Weight = Vector<double>.Build.Dense([1, 2, 5]);

    private static readonly Matrix<double> Logits = Matrix<double>.Build.DenseOfRowArrays([1, 2, 3], [1, 2, 3]);

    [Fact]
    public void Classes_with_weights_and_smoothing_give_the_number_of_PyTorchs_documentation_case() =>
        new CrossEntropyLoss<double>(Weight, labelSmoothing: 0.1).Forward(Logits, [0, 2]).Should().BeApproximately(0.747521454, 5e-10);

    [Fact]
    public void Probabilities_with_weights_divide_by_the_samples() =>
        new CrossEntropyLoss<double>(Weight).Forward(Logits, Matrix<double>.Build.DenseOfRowArrays([0.2, 0.3, 0.5], [1, 0, 0])).Should().BeApproximately(2.37635282, 5e-9);

    [Theory]
    [InlineData(3, "3")]
    [InlineData(-1, "-1")]
    [InlineData(0.5, "0.5")]
    [InlineData(double.NaN, "NaN")]
    public void A_class_that_is_none_is_named_with_its_sample(double value, string text) => LossErrors.AreNamed(
        new CrossEntropyLoss<double>(), Logits, Matrix<double>.Build.Dense(2, 1, [0, value]),
        $"CrossEntropyLoss() expects classes 0 to 2, or -100 to ignore a sample, but target has {text} for sample 1. (Parameter 'target')");

    [Fact]
    public void A_probability_that_is_none_is_named() => LossErrors.AreNamed(
        new CrossEntropyLoss<double>(), Logits, Logits,
        "CrossEntropyLoss() expects probabilities, from 0 to 1, but target has 2 in row 0, column 1. (Parameter 'target')");

    [Fact]
    public void A_target_of_another_shape_is_named() => LossErrors.AreNamed(
        new CrossEntropyLoss<double>(Weight, labelSmoothing: 0.5), Logits, Any.Matrix<double>(2, 2, 1),
        "CrossEntropyLoss(weight: [1, 2, 5], labelSmoothing: 0.5) expects a target of 2x1, classes, or 2x3, probabilities, for a 2x3 prediction, but it is 2x2. (Parameter 'target')");

    [Fact]
    public void A_wrong_number_of_weights_is_named() => LossErrors.AreNamed(
        new CrossEntropyLoss<double>(Weight), Any.Matrix<double>(2, 4, 1), Matrix<double>.Build.Dense(2, 1),
        "CrossEntropyLoss(weight: [1, 2, 5]) expects 3 columns, one for each class's weight, but prediction is 2x4. (Parameter 'prediction')");

    [Fact]
    public void An_ignored_class_does_not_go_with_probabilities() => LossErrors.AreNamed(
        new CrossEntropyLoss<double>(ignoreIndex: 1), Logits, LossCases.Distributions<double>(2, 3, 1),
        "CrossEntropyLoss(ignoreIndex: 1) expects classes, since it ignores one, but target has 2x3 probabilities. (Parameter 'target')");

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void Label_smoothing_is_from_0_to_1(double smoothing)
    {
        var act = () => new CrossEntropyLoss<double>(labelSmoothing: smoothing);
        act.Should().Throw<ArgumentOutOfRangeException>().WithMessage("CrossEntropyLoss expects labelSmoothing to be from 0 to 1, but it is *. (Parameter 'labelSmoothing')");
    }

    [Fact]
    public void Weights_are_copied()
    {
        var weight = Weight.Clone();
        var loss = new CrossEntropyLoss<double>(weight);
        var before = loss.Forward(Logits, [0, 2]);
        weight[0] = 100;
        loss.Forward(Logits, [0, 2]).Should().Be(before);
    }
}

public sealed class CrossEntropyLossSingleTests : CrossEntropyLossTests<float>;

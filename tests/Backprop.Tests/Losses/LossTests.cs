using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>What holds for every loss.</summary>
public abstract class LossTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private static readonly Vector<T> Weight = LossCases.Weights<T>(10, 1);

    public static readonly TheoryData<Loss<T>> All =
    [
        new MSELoss<T>(), new L1Loss<T>(Reduction.Sum), new SmoothL1Loss<T>(), new HuberLoss<T>(), new BCELoss<T>(), new BCEWithLogitsLoss<T>(), new BCEWithLogitsLoss<T>(posWeight: Weight),
        new KLDivLoss<T>(), KLDivLoss<T>.BatchMean(), new PoissonNLLLoss<T>(full: true), new GaussianNLLLoss<T>(), new NLLLoss<T>(Weight), new CrossEntropyLoss<T>(),
        new CrossEntropyLoss<T>(Weight, labelSmoothing: 0.1),
    ];

    [Theory, MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void A_steady_step_allocates_nothing(Loss<T> loss)
    {
        var (prediction, target) = Case(loss, 100);
        var (gradient, losses) = (loss.Backward(prediction, target), loss.Unreduced(prediction, target));
        for (var i = 0; i < 3; i++) Step();
        Allocation.Least(() =>
        {
            for (var i = 0; i < 20; i++) Step();
        }).Should().Be(0);

        void Step()
        {
            loss.Forward(prediction, target);
            loss.Backward(prediction, target, gradient);
            loss.Unreduced(prediction, target, losses);
            loss.UnreducedBackward(prediction, target, losses, gradient);
        }
    }

    [Theory, MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void What_is_given_for_the_result_comes_back_with_it(Loss<T> loss)
    {
        var (prediction, target) = Case(loss, 5);
        var losses = loss.Unreduced(prediction, target);
        var (ownLosses, ownGradient) = (Matrix<T>.Build.Dense(5, losses.ColumnCount, T.NaN), Matrix<T>.Build.Dense(5, prediction.ColumnCount, T.NaN));
        loss.Unreduced(prediction, target, ownLosses).Should().BeSameAs(ownLosses).And.Be(losses);
        loss.UnreducedBackward(prediction, target, losses, ownGradient).Should().BeSameAs(ownGradient).And.Be(loss.UnreducedBackward(prediction, target, losses));
        loss.Backward(prediction, target, ownGradient).Should().BeSameAs(ownGradient).And.Be(loss.Backward(prediction, target));
    }

    [Theory, MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void Operands_stay_as_they_are_and_the_same_call_gives_the_same_bits(Loss<T> loss)
    {
        var (prediction, target) = Case(loss, 33);
        var (p, t, value, gradient) = (prediction.Clone(), target.Clone(), loss.Forward(prediction, target), loss.Backward(prediction, target));
        Parallel.For(0, 8, _ =>
        {
            loss.Forward(prediction, target).Should().Be(value);
            loss.Backward(prediction, target).Should().Be(gradient);
        });
        prediction.Should().Be(p);
        target.Should().Be(t);
    }

    [Theory, MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void The_gradient_of_a_sample_does_not_depend_on_where_it_lies(Loss<T> loss)
    {
        var (prediction, target) = Case(loss, 90);
        var dLosses = Any.Matrix<T>(90, loss.Unreduced(prediction, target).ColumnCount, 5);
        var (losses, gradient) = (loss.Unreduced(prediction, target), loss.UnreducedBackward(prediction, target, dLosses));
        foreach (var (first, count) in ((int, int)[])[(0, 1), (3, 5), (60, 17), (89, 1)])
        {
            var (p, t, d) = (Rows(prediction, first, count), Rows(target, first, count), Rows(dLosses, first, count));
            loss.Unreduced(p, t).Should().Be(Rows(losses, first, count));
            loss.UnreducedBackward(p, t, d).Should().Be(Rows(gradient, first, count));
        }

        static Matrix<T> Rows(Matrix<T> x, int first, int count) => x.SubMatrix(first, count, 0, x.ColumnCount);
    }

    [Theory, MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void Null_other_storage_and_shapes_that_do_not_fit_are_named(Loss<T> loss)
    {
        var (prediction, target) = Case(loss, 4);
        Throws<ArgumentNullException>(() => loss.Forward(null!, target), "*(Parameter 'prediction')");
        Throws<ArgumentNullException>(() => loss.Backward(prediction, null!), "*(Parameter 'target')");
        Throws<ArgumentNullException>(() => loss.Backward(prediction, target, null!), "*(Parameter 'result')");
        Throws<ArgumentNullException>(() => loss.UnreducedBackward(prediction, target, null!), "*(Parameter 'dLosses')");
        Throws<ArgumentException>(() => loss.Forward(Matrix<T>.Build.SparseOfMatrix(prediction), target), $"{loss} expects a dense matrix, but prediction is a 4x*");
        Throws<ArgumentException>(() => loss.Forward(prediction, Matrix<T>.Build.SparseOfMatrix(target)), $"{loss} expects a dense matrix, but target is a 4x*");
        Throws<ArgumentException>(() => loss.Forward(prediction, Case(loss, 5).Target), $"{loss} expects *");
        Throws<ArgumentException>(() => loss.Backward(prediction, target, prediction), $"{loss} expects a result of its own, but it shares its entries with an operand. (Parameter 'result')");
        Throws<ArgumentException>(() => loss.Backward(prediction, target, Matrix<T>.Build.Dense(3, 1)), $"{loss} expects result to be 4x{prediction.ColumnCount}, but it is 3x1. (Parameter 'result')");
        Throws<ArgumentException>(() => loss.UnreducedBackward(prediction, target, Matrix<T>.Build.Dense(3, 1)), $"{loss} expects dLosses to be 4x*, but it is 3x1. (Parameter 'dLosses')");

        static void Throws<TException>(Action act, string message) where TException : Exception => act.Should().Throw<TException>().WithMessage(message);
    }

    [Theory, MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void Over_nothing_the_mean_is_NaN_and_the_sum_0(Loss<T> loss)
    {
        var (prediction, target) = Case(loss, 0);
        var value = loss.Forward(prediction, target);
        (loss.Reduction == Reduction.Mean ? T.IsNaN(value) : value == T.Zero).Should().BeTrue();
        loss.Backward(prediction, target).RowCount.Should().Be(0);
        loss.Unreduced(prediction, target).RowCount.Should().Be(0);
    }

    [Theory, MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void Each_says_what_it_computes(Loss<T> loss)
    {
        loss.Formula.Should().StartWith("L = ");
        loss.Derivative.Should().StartWith("dL/d");
        loss.ToString().Should().MatchRegex(@"^\w+Loss(\.BatchMean)?\(.*\)$");
    }

    [Fact]
    public void A_sum_of_many_floats_keeps_its_digits()
    {
        var prediction = Matrix<T>.Build.Dense(1000, 1000, T.CreateChecked(0.1));
        var expected = 1e6 * double.CreateChecked(T.CreateChecked(0.1));
        double.CreateChecked(new L1Loss<T>(Reduction.Sum).Forward(prediction, Matrix<T>.Build.Dense(1000, 1000))).Should().BeApproximately(expected, 1e-5 * expected);
    }

    [Theory]
    [InlineData(-1, "-1 at 1")]
    [InlineData(double.NaN, "NaN at 1")]
    [InlineData(double.PositiveInfinity, "Infinity at 1")]
    public void Weights_are_finite_and_not_negative_and_there_is_one(double weight, string text)
    {
        var wrong = Vector<T>.Build.Dense([T.One, T.CreateSaturating(weight)]);
        Refused(() => _ = new CrossEntropyLoss<T>(wrong), $"CrossEntropyLoss expects weights that are finite and at least 0, but weight has {text}. (Parameter 'weight')");
        Refused(() => _ = new NLLLoss<T>(wrong), $"NLLLoss expects weights that are finite and at least 0, but weight has {text}. (Parameter 'weight')");
        Refused(() => _ = new BCEWithLogitsLoss<T>(posWeight: wrong), $"BCEWithLogitsLoss expects weights that are finite and at least 0, but posWeight has {text}. (Parameter 'posWeight')");
        var none = Vector<T>.Build.Dense(Array.Empty<T>());
        Refused(() => _ = new CrossEntropyLoss<T>(none), "CrossEntropyLoss expects weight to hold at least one weight, but it is empty. (Parameter 'weight')");
        Refused(() => _ = new NLLLoss<T>(none), "NLLLoss expects weight to hold at least one weight, but it is empty. (Parameter 'weight')");
        Refused(() => _ = new BCEWithLogitsLoss<T>(posWeight: none), "BCEWithLogitsLoss expects posWeight to hold at least one weight, but it is empty. (Parameter 'posWeight')");
        var act = () => new CrossEntropyLoss<T>(Vector<T>.Build.Dense([T.Zero, T.One]));
        act.Should().NotThrow("a weight of 0 is one");

        static void Refused(Action act, string message) => act.Should().Throw<ArgumentException>().WithMessage(message);
    }

    [Fact]
    public void Numbers_in_texts_do_not_depend_on_the_culture()
    {
        var before = System.Globalization.CultureInfo.CurrentCulture;
        try
        {
            foreach (var culture in (string[])["sv-SE", "fa-IR", "ar-SA", "de-DE"])
            {
                System.Globalization.CultureInfo.CurrentCulture = System.Globalization.CultureInfo.GetCultureInfo(culture);
                new CrossEntropyLoss<T>(Vector<T>.Build.Dense([T.CreateChecked(0.5), T.One]), -7, labelSmoothing: 0.25).ToString()
                    .Should().Be("CrossEntropyLoss(weight: [0.5, 1], ignoreIndex: -7, labelSmoothing: 0.25)");
                new NLLLoss<T>(ignoreIndex: int.MinValue).ToString().Should().Be("NLLLoss(ignoreIndex: -2147483648)");
                new SmoothL1Loss<T>(beta: 0.5).ToString().Should().Be("SmoothL1Loss(beta: 0.5)");
                var act = () => new NLLLoss<T>(ignoreIndex: -7).Forward(Matrix<T>.Build.Dense(1, 2), [-8]);
                act.Should().Throw<ArgumentException>().WithMessage("NLLLoss(ignoreIndex: -7) expects classes 0 to 1, or -7 to ignore a sample, but classes has -8 for sample 0. (Parameter 'classes')");
            }
        }
        finally
        {
            System.Globalization.CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void A_class_next_to_the_ignored_one_is_refused_where_floats_cannot_tell_them_apart()
    {
        const int Ignored = (1 << 24) + 1; // not a float
        var (p, t) = (Matrix<T>.Build.Dense(1, 2), Matrix<T>.Build.Dense(1, 1, T.CreateChecked(Ignored)));
        foreach (var loss in (Loss<T>[])[new NLLLoss<T>(ignoreIndex: Ignored, reduction: Reduction.Sum), new CrossEntropyLoss<T>(ignoreIndex: Ignored, reduction: Reduction.Sum)])
        {
            var act = () => loss.Forward(p, t);
            if (typeof(T) == typeof(double)) act().Should().Be(T.Zero);
            else act.Should().Throw<ArgumentOutOfRangeException>().WithMessage($"{loss} expects classes 0 to 1, or 16777217 to ignore a sample, but target has 16777216 for sample 0. (Parameter 'target')");
        }
    }

    [Fact]
    public void A_reduction_is_mean_or_sum()
    {
        var act = () => new MSELoss<T>((Reduction)7);
        act.Should().Throw<ArgumentOutOfRangeException>().WithMessage("A reduction is Mean or Sum. (Parameter 'reduction')*");
    }

    /// <summary>A prediction and a target that the loss takes, of this many samples.</summary>
    internal static (Matrix<T> Prediction, Matrix<T> Target) Case(Loss<T> loss, int rows) => loss switch
    {
        BCELoss<T> => (LossCases.Fractions<T>(rows, 10, 1), LossCases.Answers<T>(rows, 10, 2)),
        GaussianNLLLoss<T> => (LossCases.Fractions<T>(rows, 20, 1), Any.Matrix<T>(rows, 10, 2)),
        ClassificationLoss<T> classes => (Any.Matrix<T>(rows, 10, 1), LossCases.Classes<T>(rows, 10, 2, classes.IgnoreIndex)),
        _ => (Any.Matrix<T>(rows, 10, 1, 3), LossCases.Answers<T>(rows, 10, 2)),
    };
}

public sealed class LossDoubleTests : LossTests<double>
{
    [Theory]
    [MemberData(nameof(Texts), DisableDiscoveryEnumeration = true)]
    public void Texts_read_as_constructors(Loss<double> loss, string text) => loss.ToString().Should().Be(text);

    public static readonly TheoryData<Loss<double>, string> Texts = new()
    {
        { new MSELoss<double>(), "MSELoss()" },
        { new L1Loss<double>(Reduction.Sum), "L1Loss(sum)" },
        { new SmoothL1Loss<double>(Reduction.Sum, 0.5), "SmoothL1Loss(sum, beta: 0.5)" },
        { new HuberLoss<double>(delta: 2), "HuberLoss(delta: 2)" },
        { KLDivLoss<double>.BatchMean(logTarget: true), "KLDivLoss.BatchMean(logTarget)" },
        { new PoissonNLLLoss<double>(false, true, 0.5), "PoissonNLLLoss(logInput: false, full, epsilon: 0.5)" },
        { new GaussianNLLLoss<double>(true), "GaussianNLLLoss(full)" },
        { new NLLLoss<double>(LossCases.Weights<double>(10, 1), 3), "NLLLoss(weight: [10 weights], ignoreIndex: 3)" },
    };

    [Theory]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Beta_and_delta_are_finite_and_not_negative(double value)
    {
        var beta = () => new SmoothL1Loss<double>(beta: value);
        beta.Should().Throw<ArgumentOutOfRangeException>().WithMessage("SmoothL1Loss expects beta to be finite and at least 0, but it is *. (Parameter 'beta')");
        var delta = () => new HuberLoss<double>(delta: value);
        delta.Should().Throw<ArgumentOutOfRangeException>().WithMessage("HuberLoss expects delta to be finite and above 0, but it is *. (Parameter 'delta')");
    }

    [Fact]
    public void Other_types_than_float_and_double_are_refused()
    {
        foreach (var make in (Action[])[
            () => _ = new MSELoss<Half>(), () => _ = new BCEWithLogitsLoss<Half>(), () => _ = new SmoothL1Loss<Half>(), () => _ = KLDivLoss<Half>.BatchMean(),
            () => _ = new GaussianNLLLoss<Half>(), () => _ = new CrossEntropyLoss<Half>()])
            make.Should().Throw<NotSupportedException>().WithMessage("Backprop computes in float or double; Half is not supported.");
    }

    [Fact]
    public void Delta_is_not_0_but_beta_may_be_and_then_it_is_L1()
    {
        var delta = () => new HuberLoss<double>(delta: 0);
        delta.Should().Throw<ArgumentOutOfRangeException>();
        var (p, t) = (Any.Matrix<double>(3, 4, 1), Any.Matrix<double>(3, 4, 2));
        p[1, 1] = t[1, 1];
        new SmoothL1Loss<double>(beta: 0).Backward(p, t).Should().Be(new L1Loss<double>().Backward(p, t));
    }
}

public sealed class LossSingleTests : LossTests<float>
{
    [Fact]
    public void A_mean_over_more_entries_than_a_float_can_count_is_right_to_the_last_digits()
    {
        // A running sum of floats gave 0.10000375 for 0.1; and 2^24 is the last whole number up to which a float counts.
        Matrix<float> prediction = Matrix<float>.Build.Dense(4100, 4097, 0.1f), target = Matrix<float>.Build.Dense(4100, 4097);
        var loss = new L1Loss<float>();
        loss.Forward(prediction, target).Should().BeApproximately(0.1f, 1.5e-8f);
        loss.Divisor(prediction, target).Should().Be(4100 * 4097);
        loss.Backward(prediction, target, prediction.Clone())[1, 0].Should().Be((float)(1 / (4100.0 * 4097)));
        new SmoothL1Loss<float>(Reduction.Sum).Forward(prediction, target).Should().BeApproximately(4100 * 4097 * 0.005f, 0.02f);
        prediction.Multiply(1e36f, prediction);
        loss.Forward(prediction, target).Should().BeApproximately(1e35f, 2e28f, "a sum that a float cannot hold has a mean");
        new GaussianNLLLoss<float>().Forward(Matrix<float>.Build.Dense(4100, 4096, 1), target.SubMatrix(0, 4100, 0, 2048)).Should().BeApproximately(0.5f, 1e-7f);
    }

    [Fact]
    public void A_mean_over_classes_is_right_to_the_last_digits()
    {
        var (prediction, classes) = (Matrix<float>.Build.Dense(1_000_000, 2, -0.1f), new int[1_000_000]);
        new NLLLoss<float>(Vector<float>.Build.Dense([0.3f, 1])).Forward(prediction, classes).Should().Be(0.1f);
    }
}

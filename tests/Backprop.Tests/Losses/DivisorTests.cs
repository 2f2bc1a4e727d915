using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>What a mean divides by, so that means over parts of a batch add up to the mean over all of it; and loss and gradient in one call.</summary>
public abstract class DivisorTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    public static TheoryData<Loss<T>> All => [.. LossTests<T>.All.Select(row => row.Data), .. Others];

    private static readonly Loss<T>[] Others =
    [
        new MSELoss<T>(Reduction.Sum), new KLDivLoss<T>(logTarget: true), new GaussianNLLLoss<T>(reduction: Reduction.Sum), new NLLLoss<T>(ignoreIndex: 3), new CrossEntropyLoss<T>(ignoreIndex: 3, labelSmoothing: 0.25),
        new CrossEntropyLoss<T>(LossCases.Weights<T>(10, 3), reduction: Reduction.Sum),
        new CombinedLoss<T>(new("a", new MSELoss<T>(), 0..4, 0..4), new("b", new HuberLoss<T>(), 3..9, 4..10, 0.5)),
    ];

    [Theory, MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void The_mean_over_a_batch_is_that_of_its_parts_weighted_by_their_divisors(Loss<T> loss)
    {
        foreach (var rows in (int[])[7, 130])
        {
            var (p, t) = LossTests<T>.Case(loss, rows);
            double sum = 0, divisor = 0;
            var gradient = p.Clone();
            foreach (var (first, count) in ((int, int)[])[(0, 1), (1, 2), (3, 4), (7, rows - 7)])
            {
                if (count == 0) continue;
                var (pPart, tPart) = (p.SubMatrix(first, count, 0, p.ColumnCount), t.SubMatrix(first, count, 0, t.ColumnCount));
                var d = loss.Divisor(pPart, tPart);
                divisor += d;
                var scale = loss.Reduction == Reduction.Mean ? d : 1;
                if (d > 0) sum += scale * double.CreateChecked(loss.Forward(pPart, tPart));
                gradient.SetSubMatrix(first, 0, d > 0 ? loss.Backward(pPart, tPart) * T.CreateChecked(scale) : pPart * T.Zero);
            }

            loss.Divisor(p, t).Should().BeApproximately(divisor, 1e-5);
            var all = loss.Reduction == Reduction.Mean ? divisor : 1;
            double.CreateChecked(loss.Forward(p, t)).Should().BeApproximately(sum / all, 1e-5 * Math.Abs(sum / all));
            foreach (var (ours, parts) in loss.Backward(p, t).Enumerate().Zip(gradient.Enumerate()))
                double.CreateChecked(ours).Should().BeApproximately(double.CreateChecked(parts) / all, 1e-5);
        }
    }

    [Theory, MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void Loss_and_gradient_in_one_call_have_the_bits_of_two_and_allocate_nothing(Loss<T> loss)
    {
        foreach (var rows in (int[])[0, 1, 33, 130])
        {
            var (p, t) = LossTests<T>.Case(loss, rows);
            var dP = Matrix<T>.Build.Dense(p.RowCount, p.ColumnCount, T.NaN);
            loss.ForwardBackward(p, t, dP).Equals(loss.Forward(p, t)).Should().BeTrue();
            dP.Should().Be(loss.Backward(p, t));
            for (var i = 0; i < 3; i++) loss.ForwardBackward(p, t, dP);
            Allocation.Least(() =>
            {
                for (var i = 0; i < 20; i++) loss.ForwardBackward(p, t, dP);
                loss.Divisor(p, t);
            }).Should().Be(0);
        }
    }

    [Fact]
    public void Cross_entropy_in_one_call_has_the_bits_of_two_for_every_kind_of_target() => Any.Shape.ForAll(shape =>
    {
        var (rows, columns) = (shape.Rows * 11, shape.Columns * 7 + 1); // more rows than a block, more columns than one
        var p = Any.Matrix<T>(rows, columns, shape.Seed, 8);
        var weight = LossCases.Weights<T>(columns, shape.Seed);
        var ints = LossCases.Classes<T>(rows, columns, shape.Seed, -100).Enumerate().Select(int.CreateChecked).ToArray();
        var dP = Matrix<T>.Build.Dense(rows, columns, T.NaN);
        foreach (var loss in (CrossEntropyLoss<T>[])[new(), new(weight), new(weight, labelSmoothing: 0.1), new(reduction: Reduction.Sum, labelSmoothing: 1)])
        {
            foreach (var t in (Matrix<T>[])[LossCases.Classes<T>(rows, columns, shape.Seed, -100), LossCases.Distributions<T>(rows, columns, shape.Seed)])
            {
                loss.ForwardBackward(p, t, dP).Equals(loss.Forward(p, t)).Should().BeTrue();
                dP.Should().Be(loss.Backward(p, t));
            }

            loss.ForwardBackward(p, ints, dP).Equals(loss.Forward(p, ints)).Should().BeTrue();
            dP.Should().Be(loss.Backward(p, ints));
            loss.Divisor(p, ints).Should().Be(loss.Divisor(p, LossCases.Classes<T>(rows, columns, shape.Seed, -100)));
        }
    }, 60);

    [Fact]
    public void The_divisor_counts_what_the_mean_is_over()
    {
        var (p, t) = (LossCases.Fractions<T>(4, 3, 1), LossCases.Answers<T>(4, 3, 2));
        new MSELoss<T>().Divisor(p, t).Should().Be(12, "entries");
        new MSELoss<T>(Reduction.Sum).Divisor(p, t).Should().Be(12, "the same for a sum");
        KLDivLoss<T>.BatchMean().Divisor(p, t).Should().Be(4, "samples");
        new GaussianNLLLoss<T>().Divisor(LossCases.Fractions<T>(4, 4, 1), t).Should().Be(12, "entries of the target");
        var weight = Vector<T>.Build.Dense([T.One, T.CreateChecked(2), T.CreateChecked(5)]);
        new CrossEntropyLoss<T>().Divisor(p, [0, -100, 2, -100]).Should().Be(2, "samples that are not ignored");
        new CrossEntropyLoss<T>(weight).Divisor(p, [0, -100, 2, 1]).Should().Be(8, "weights of what is not ignored");
        new NLLLoss<T>(weight).Divisor(p, [-100, -100, -100, -100]).Should().Be(0, "nothing");
        new CrossEntropyLoss<T>(weight).Divisor(p, LossCases.Distributions<T>(4, 3, 1)).Should().Be(4, "samples, where the target holds probabilities");
    }

    [Theory, MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void What_does_not_fit_is_named(Loss<T> loss)
    {
        var (p, t) = LossTests<T>.Case(loss, 4);
        var dP = Matrix<T>.Build.Dense(4, p.ColumnCount, T.One);
        Throws<ArgumentNullException>(() => loss.ForwardBackward(p, t, null!), "*(Parameter 'dPrediction')");
        Throws<ArgumentNullException>(() => loss.ForwardBackward(null!, t, dP), "*(Parameter 'prediction')");
        Throws<ArgumentNullException>(() => loss.Divisor(p, null!), "*(Parameter 'target')");
        Throws<ArgumentException>(() => loss.Divisor(p, LossTests<T>.Case(loss, 5).Target), $"{loss} expects *");
        Throws<ArgumentException>(() => loss.ForwardBackward(p, LossTests<T>.Case(loss, 5).Target, dP), $"{loss} expects *");
        Throws<ArgumentException>(() => loss.ForwardBackward(p, t, Matrix<T>.Build.Dense(3, 1)), $"{loss} expects dPrediction to be 4x{p.ColumnCount}, but it is 3x1. (Parameter 'dPrediction')");
        Throws<ArgumentException>(() => loss.ForwardBackward(p, t, p), $"{loss} expects a result of its own, but it shares its entries with an operand. (Parameter 'dPrediction')");
        dP.Enumerate().Should().AllBeEquivalentTo(T.One, "nothing is changed");

        static void Throws<TException>(Action act, string message) where TException : Exception => act.Should().Throw<TException>().WithMessage(message);
    }
}

public sealed class DivisorDoubleTests : DivisorTests<double>
{
    /// <summary>A user's loss: the mean of the squares where the target is not NaN.</summary>
    private class Masked : Loss<double>
    {
        public Masked(Reduction reduction = Reduction.Mean) : base(reduction) { }

        protected static double Count(Matrix<double> target) => target.Enumerate().Count(t => !double.IsNaN(t));

        protected override double ForwardCore(Matrix<double> prediction, Matrix<double> target) =>
            prediction.Enumerate().Zip(target.Enumerate(), (p, t) => double.IsNaN(t) ? 0 : (p - t) * (p - t)).Sum() / Count(target);

        protected override void BackwardCore(Matrix<double> prediction, Matrix<double> target, Matrix<double> dPrediction) =>
            prediction.Map2((p, t) => double.IsNaN(t) ? 0 : 2 * (p - t) / Count(target), target, dPrediction);
    }

    private sealed class MaskedWithDivisor(Func<double, double>? mistake = null) : Masked
    {
        protected override double DivisorCore(Matrix<double> prediction, Matrix<double> target) => (mistake ?? (count => count))(Count(target));
    }

    /// <summary>A mean over the samples: the usual divisor, the entries, serves it as well as the number of samples would.</summary>
    private sealed class OverSamples : Loss<double>
    {
        protected override double ForwardCore(Matrix<double> prediction, Matrix<double> target) => (prediction - target).PointwisePower(2).Enumerate().Sum() / prediction.RowCount;

        protected override void BackwardCore(Matrix<double> prediction, Matrix<double> target, Matrix<double> dPrediction) =>
            ((prediction - target) * 2 / prediction.RowCount).CopyTo(dPrediction);
    }

    private static readonly Matrix<double> Prediction = Any.Matrix<double>(5, 2, 1);

    private static readonly Matrix<double> Target = Matrix<double>.Build.Dense(5, 2, (i, j) => (i + j) % 3 == 0 ? double.NaN : 1.5 * i - j);

    [Fact]
    public void The_gradient_check_finds_a_forgotten_divisor()
    {
        var report = GradientCheck.Run(new Masked(), Prediction, Target);
        report.Comparisons.Should().OnlyContain(comparison => comparison.Passed, "its gradient is right");
        report.Passed.Should().BeFalse();
        report.Problems.Should().ContainSingle().Which.Should().Match(
            "Loss times divisor is * over 5 samples, but * over the first 1 and the others (the divisors are 10 and 10): override DivisorCore with what the mean divides by, or make the loss a sum.");
        GradientCheck.Run(new MaskedWithDivisor(), Prediction, Target).ThrowIfFailed();
        GradientCheck.Run(new OverSamples(), Prediction, Target.Map(t => double.IsNaN(t) ? 0 : t)).ThrowIfFailed();
    }

    [Fact]
    public void The_gradient_check_finds_a_sum_that_is_a_mean() =>
        GradientCheck.Run(new Masked(Reduction.Sum), Prediction, Target).Problems.Should().ContainSingle().Which.Should().Match(
            "The loss, a sum, is * over 5 samples, but * over the first 1 and the others: make it a mean, if it is one.");

    [Theory]
    [InlineData(-1, "-7")]
    [InlineData(double.NaN, "NaN")]
    [InlineData(double.PositiveInfinity, "∞")]
    public void A_divisor_that_is_none_is_refused(double factor, string text)
    {
        var act = () => new MaskedWithDivisor(count => factor * count).Divisor(Prediction, Target);
        act.Should().Throw<InvalidOperationException>().WithMessage($"MaskedWithDivisor() expects a mean to divide by a finite number of at least 0, but its DivisorCore gives {text.Replace("∞", "Infinity", StringComparison.Ordinal)}.");
    }

    [Fact]
    public void A_users_loss_has_loss_and_gradient_in_one_call()
    {
        var dP = Matrix<double>.Build.Dense(5, 2, double.NaN);
        var loss = new MaskedWithDivisor();
        loss.ForwardBackward(Prediction, Target, dP).Should().Be(loss.Forward(Prediction, Target));
        dP.Should().Be(loss.Backward(Prediction, Target));
    }
}

public sealed class DivisorSingleTests : DivisorTests<float>;

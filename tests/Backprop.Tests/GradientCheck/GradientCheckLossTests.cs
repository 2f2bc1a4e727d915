using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>Losses that are wrong where no derivative shows it.</summary>
public abstract class GradientCheckLossTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private const string Left = "left as it was: every entry must be written; its contents are unspecified before.";

    private static readonly Matrix<T> Prediction = Any.Matrix<T>(5, 2, 1);
    private static readonly Matrix<T> Target = Matrix<T>.Build.Dense(5, 2, (i, j) => i == 1 ? T.NaN : T.CreateChecked(i - j));
    private static readonly Matrix<T> Whole = Any.Matrix<T>(5, 2, 2);

    /// <summary>Half the sum of squares over the targets that are numbers, and mistakes.</summary>
    internal sealed class HalfSquares(
        Action<Matrix<T>, Matrix<T>, Matrix<T>>? backward = null, Func<T, T>? both = null, Func<T, T>? unreduced = null, Reduction reduction = Reduction.Sum, Action<Matrix<T>, Matrix<T>>? harm = null,
        bool skipsLosses = false) : Loss<T>(reduction)
    {
        private static T Half => T.CreateChecked(0.5);

        private static Matrix<T> Differences(Matrix<T> prediction, Matrix<T> target) => prediction.Map2((p, t) => T.IsNaN(t) ? T.Zero : p - t, target, Zeros.Include);

        protected override T ForwardCore(Matrix<T> prediction, Matrix<T> target)
        {
            var sum = Differences(prediction, target).Enumerate().Aggregate(T.Zero, (sum, d) => sum + Half * d * d);
            return Reduction == Reduction.Sum ? sum : sum / T.CreateChecked(prediction.RowCount);
        }

        protected override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction)
        {
            if (backward is not null)
            {
                backward(prediction, target, dPrediction);
                return;
            }

            (Reduction == Reduction.Sum ? Differences(prediction, target) : Differences(prediction, target) / T.CreateChecked(prediction.RowCount)).CopyTo(dPrediction);
            harm?.Invoke(prediction, target);
        }

        protected override T ForwardBackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction) => (both ?? (value => value))(base.ForwardBackwardCore(prediction, target, dPrediction));

        protected override void UnreducedCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> losses)
        {
            var result = Differences(prediction, target).Map(d => (unreduced ?? (value => value))(Half * d * d), Zeros.Include);
            foreach (var (i, j, loss) in result.EnumerateIndexed())
                if (!skipsLosses || i > 0) losses[i, j] = loss;
        }

        protected override void UnreducedBackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dLosses, Matrix<T> dPrediction) => Differences(prediction, target).PointwiseMultiply(dLosses, dPrediction);

        public override string ToString() => "HalfSquares()";
    }

    private static GradientReport Run(Loss<T> loss, Matrix<T>? target = null) => loss is Loss<double> inDouble
        ? GradientCheck.Run(inDouble, (Matrix<double>)(object)Prediction, (Matrix<double>)(object)(target ?? Target))
        : GradientCheck.Run((Loss<float>)(object)loss, new GradientCheckLossTests<double>.HalfSquares(reduction: loss.Reduction), (Matrix<float>)(object)Prediction, (Matrix<float>)(object)(target ?? Target));

    private static void Finds(GradientReport report, params string[] words)
    {
        report.Passed.Should().BeFalse();
        foreach (var word in words) string.Join('\n', report.Problems).Should().Contain(word);
    }

    [Fact]
    public void A_right_loss_passes()
    {
        var report = Run(new HalfSquares());
        report.ThrowIfFailed();
        report.Comparisons.Select(comparison => comparison.Name).Should().Equal(typeof(T) == typeof(double) ? ["prediction", "prediction, unreduced"] : ["L", "prediction"]);
        Run(new HalfSquares(reduction: Reduction.Mean), Whole).ThrowIfFailed();
    }

    [Fact]
    public void A_loss_that_skips_masked_entries_is_found() => Finds(
        Run(new HalfSquares((p, t, dP) =>
        {
            foreach (var (i, j, target) in t.EnumerateIndexed())
                if (!T.IsNaN(target)) dP[i, j] = p[i, j] - target;
        })), $"dL/dprediction at (1, 0), (1, 1) is {Left}");

    [Fact]
    public void A_loss_that_adds_to_the_gradient_is_found() => Finds(
        Run(new HalfSquares((p, t, dP) => dP.Add(p - t, dP)), Whole), $"dL/dprediction at (0, 0), (1, 0), (2, 0) and 7 more is added to, and not written first: it is {Left}");

    [Fact]
    public void An_unreduced_loss_that_skips_entries_or_adds_up_to_something_else_is_found()
    {
        Finds(Run(new HalfSquares(skipsLosses: true)), $"The unreduced loss at (0, 0), (0, 1) is {Left}");
        Finds(Run(new HalfSquares(unreduced: value => value + value)), "The loss is ", ", but the unreduced losses add up to ");
        Finds(Run(new HalfSquares(unreduced: value => value * value, reduction: Reduction.Mean), Whole), "The loss times its divisor is ", " times the sum of the unreduced losses over 5 samples, but ");
    }

    [Fact]
    public void Loss_and_gradient_in_one_call_that_differ_from_two_calls_are_found() =>
        Finds(Run(new HalfSquares(both: T.BitIncrement)), "ForwardBackward gives ", "they agree bit for bit.");

    [Fact]
    public void Changed_operands_are_found()
    {
        Finds(Run(new HalfSquares(harm: (p, _) => p[0, 0] = T.Zero)), "The loss changed its prediction.");
        Finds(Run(new HalfSquares(harm: (_, t) => t[0, 0] = T.One)), "The loss changed its target.");
    }

    [Fact]
    public void An_exception_is_a_problem() => Finds(Run(new HalfSquares((_, _, _) => throw new NotSupportedException("never"))), "The loss failed: NotSupportedException: never");

    [Fact]
    public void A_sum_that_is_a_mean_is_found() => Finds(Run(new Averages()), "The loss, a sum, is ", ": make it a mean, if it is one.");

    private sealed class Averages() : Loss<T>(Reduction.Sum)
    {
        protected override T ForwardCore(Matrix<T> prediction, Matrix<T> target) => prediction.RowSums().Sum() / T.CreateChecked(prediction.RowCount);

        protected override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction) =>
            prediction.Map(_ => T.One / T.CreateChecked(prediction.RowCount), Zeros.Include).CopyTo(dPrediction);
    }
}

public sealed class GradientCheckLossDoubleTests : GradientCheckLossTests<double>;

public sealed class GradientCheckLossSingleTests : GradientCheckLossTests<float>;

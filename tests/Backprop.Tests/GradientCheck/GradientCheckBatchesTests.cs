using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>A gradient that is right in the given batch, and wrong in others.</summary>
public abstract class GradientCheckBatchesTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private static readonly Matrix<T> X = Any.Matrix<T>(4, 3, 1);

    private static GradientReport Run(Func<Scaled<T>> layer, Func<Scaled<double>> twin) =>
        layer() is Layer<double> inDouble ? GradientCheck.Run(inDouble, (Matrix<double>)(object)X) : GradientCheck.Run((Layer<float>)(object)layer(), twin(), (Matrix<float>)(object)X);

    // y = a x, one factor for each column.
    private sealed class Scaled<TValue> : Layer<TValue> where TValue : unmanaged, System.Numerics.IFloatingPointIeee754<TValue>
    {
        public Scaled() => A = Register(new VectorParameter<TValue>("a", 3));

        public VectorParameter<TValue> A { get; }

        public Func<int, int, double> ByRows { get; init; } = (rows, row) => 1;

        public Func<int, double> InputByRows { get; init; } = rows => 1;

        public Action<Scaled<TValue>> InForward { get; init; } = _ => { };

        public Action<Scaled<TValue>> InBackward { get; init; } = _ => { };

        protected override Matrix<TValue> ForwardCore(Matrix<TValue> x, ForwardPass<TValue> pass)
        {
            InForward(this);
            var y = pass.NewOutput(x.RowCount, 3);
            for (var j = 0; j < 3; j++)
                for (var i = 0; i < x.RowCount; i++) y[i, j] = (A.Values[j] + TValue.One) * x[i, j];
            return y;
        }

        protected override Matrix<TValue>? BackwardCore(ForwardPass<TValue> pass, Matrix<TValue> dY)
        {
            InBackward(this);
            var dX = pass.NewInputGradient();
            for (var j = 0; j < 3; j++)
                for (var i = 0; i < dY.RowCount; i++)
                {
                    A.Gradients[j] += TValue.CreateChecked(ByRows(dY.RowCount, i)) * dY[i, j] * pass.Input[i, j];
                    dX[i, j] = TValue.CreateChecked(InputByRows(dY.RowCount)) * (A.Values[j] + TValue.One) * dY[i, j];
                }

            return dX;
        }
    }

    [Fact]
    public void A_right_one_passes() => Run(() => new(), () => new()).ToString().Should().Contain("every gradient agrees");

    [Fact]
    public void A_gradient_that_knows_one_batch_size_is_found()
    {
        foreach (var (byRows, rows) in new (Func<int, int, double>, int)[]
        {
            ((rows, row) => 4.0 / rows, 16), ((rows, row) => rows > 4 ? 2 : 1, 16), ((rows, row) => row < 8 ? 1 : 0, 16), ((rows, row) => rows == 1 ? 2 : 1, 1),
        })
        {
            var report = Run(() => new() { ByRows = byRows }, () => new());
            report.Comparisons.Should().OnlyContain(comparison => comparison.Passed);
            report.Problems.Should().NotBeEmpty().And.OnlyContain(problem => problem.StartsWith($"With a batch of {rows} rows, a ", StringComparison.Ordinal) || problem.StartsWith($"With a batch of {rows} rows, dL/da", StringComparison.Ordinal));
        }

        Run(() => new() { InputByRows = rows => rows > 4 ? 2 : 1 }, () => new()).Passed.Should().BeFalse();
    }

    [Fact]
    public void A_forward_pass_that_clears_gradients_and_a_backward_pass_that_freezes_are_found()
    {
        Run(() => new() { InForward = layer => layer.A.ZeroGradient() }, () => new()).Problems.Should()
            .Contain("The forward pass changed the gradient of a: what accumulated over several batches would be lost. Only backward passes add to gradients, and optimizers set them to 0.");
        Scaled<T> layer = new() { InBackward = layer => layer.A.Frozen = true };
        Run(() => layer, () => new()).Problems.Should().Contain("The backward pass froze a; only whoever trains the layer does.");
        layer.A.Frozen.Should().BeFalse("the check leaves the layer as it was");
    }

    [Fact]
    public void A_tolerance_under_which_all_is_right_is_refused()
    {
        foreach (var tolerance in (double[])[-1, 1, double.PositiveInfinity, double.NaN])
        {
            Action run = typeof(T) == typeof(double)
                ? () => GradientCheck.Run(new Linear<double>(3, 2), (Matrix<double>)(object)X, tolerance: tolerance)
                : () => GradientCheck.Run(new Linear<float>(3, 2), new Linear<double>(3, 2), (Matrix<float>)(object)X, relativeTolerance: tolerance);
            run.Should().Throw<ArgumentOutOfRangeException>().WithMessage("GradientCheck expects *olerance to be from 0 to below 1, but it is *");
        }
    }

    // L = mean of p², which counts wrongly in some batches.
    private sealed class Squares(Func<int, double> byRows) : Loss<double>
    {
        protected override double ForwardCore(Matrix<double> prediction, Matrix<double> target) => prediction.PointwisePower(2).RowSums().Sum() / prediction.RowCount / prediction.ColumnCount;

        protected override void BackwardCore(Matrix<double> prediction, Matrix<double> target, Matrix<double> dPrediction) =>
            prediction.Multiply(2 * byRows(prediction.RowCount) / prediction.RowCount / prediction.ColumnCount, dPrediction);
    }

    [Fact]
    public void A_loss_that_knows_one_batch_size_is_found()
    {
        var p = Any.Matrix<double>(4, 3, 1);
        GradientCheck.Run(new Squares(rows => 1), p, p.Clone()).ToString().Should().Contain("agrees");
        foreach (var (byRows, rows) in new (Func<int, double>, int)[] { (rows => rows > 4 ? 3 : 1, 16), (rows => rows == 1 ? 2 : 1, 1) })
            GradientCheck.Run(new Squares(byRows), p, p.Clone()).Problems.Should().NotBeEmpty().And.OnlyContain(problem => problem.StartsWith($"With a batch of {rows} rows, ", StringComparison.Ordinal));
    }
}

public sealed class GradientCheckBatchesDoubleTests : GradientCheckBatchesTests<double>;

public sealed class GradientCheckBatchesSingleTests : GradientCheckBatchesTests<float>;

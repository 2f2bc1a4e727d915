using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

/// <summary>Trainings that go as a test wants them to.</summary>
internal static class Scripts
{
    /// <summary>A line that moves by the same amount in each step, and whose validation losses are given: one an epoch.</summary>
    public static Trainer<T> WithValidationLosses<T>(EarlyStopping? stopping, params double[] losses) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var model = new Sequential<T> { { "line", new Linear<T>(1, 1, generator: new Generator(1)) } };
        return new(model, new ScriptedLoss<T>(losses), new SGD<T>(model.Parameters, 0.25), new Batches<T>(Ones<T>(4, 1), 2)) { Validation = Ones<T>(1, -1), EarlyStopping = stopping };
    }

    private static Samples<T> Ones<T>(int count, double target) where T : unmanaged, IFloatingPointIeee754<T> =>
        new(Matrix<T>.Build.Dense(count, 1, T.One), Matrix<T>.Build.Dense(count, 1, T.CreateChecked(target)));

    /// <summary>What is asked of targets below 0 is read from a list, after the look that is taken at them before the first epoch.</summary>
    private sealed class ScriptedLoss<T>(double[] losses) : Loss<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        private int _asked = -1;

        protected override T ForwardCore(Matrix<T> prediction, Matrix<T> target) =>
            target[0, 0] > T.Zero ? T.One : T.CreateChecked(losses[Math.Max(_asked++, 0)]);

        protected override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction) => dPrediction.MapInplace(_ => T.One, Zeros.Include);
    }
}

/// <summary>y = x, and backwards what a test wants.</summary>
internal sealed class Mirror<T>(Func<Matrix<T>, Matrix<T>>? backward = null, int minRows = 1) : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override int MinTrainingRows => minRows;

    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, x.ColumnCount);
        x.CopyTo(y);
        return y;
    }

    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var dX = pass.NewInputGradient();
        (backward?.Invoke(dY) ?? dY).CopyTo(dX);
        return dX;
    }
}

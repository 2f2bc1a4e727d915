using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

/// <summary>Bad input, through every public method of a loss.</summary>
internal static class LossErrors
{
    /// <summary>Every method refuses these, in these words, and leaves its result alone.</summary>
    public static void AreNamed(Loss<double> loss, Matrix<double> prediction, Matrix<double> target, string message)
    {
        var result = Matrix<double>.Build.Dense(prediction.RowCount, prediction.ColumnCount, 7);
        var losses = Matrix<double>.Build.Dense(prediction.RowCount, prediction.ColumnCount, 7);
        foreach (var act in (Action[])[
            () => loss.Forward(prediction, target), () => loss.Backward(prediction, target), () => loss.Backward(prediction, target, result),
            () => loss.Unreduced(prediction, target), () => loss.Unreduced(prediction, target, losses),
            () => loss.UnreducedBackward(prediction, target, losses), () => loss.UnreducedBackward(prediction, target, losses, result)])
            act.Should().Throw<ArgumentException>().WithMessage(message);
        result.Enumerate().Should().AllBeEquivalentTo(7.0, "nothing is changed");
        losses.Enumerate().Should().AllBeEquivalentTo(7.0, "nothing is changed");
    }
}

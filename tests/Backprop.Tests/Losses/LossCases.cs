using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

/// <summary>What the tests of losses draw, and how they say it to TorchSharp.</summary>
internal static class LossCases
{
    public static TorchSharp.torch.nn.Reduction InTorch(this Reduction reduction) =>
        reduction == Reduction.Mean ? TorchSharp.torch.nn.Reduction.Mean : TorchSharp.torch.nn.Reduction.Sum;

    /// <summary>Entries in (0, 1), at least 0.05 away from either end, so that finite differences stay inside.</summary>
    public static Matrix<T> Fractions<T>(int rows, int columns, int seed) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        Any.Matrix<T>(rows, columns, seed, 0.45) + T.CreateChecked(0.5);

    /// <summary>Fractions, but a good part of them exactly 0 or 1.</summary>
    public static Matrix<T> Answers<T>(int rows, int columns, int seed) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var random = new Random(seed);
        return Fractions<T>(rows, columns, seed).Map(fraction => random.Next(4) switch { 0 => T.Zero, 1 => T.One, _ => fraction }, Zeros.Include);
    }

    /// <summary>Rows that add up to 1, some of their entries 0.</summary>
    public static Matrix<T> Distributions<T>(int rows, int columns, int seed) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var random = new Random(seed);
        var parts = Matrix<T>.Build.Dense(rows, columns, (_, column) => T.CreateChecked(column == 0 || random.Next(4) > 0 ? 0.1 + random.NextDouble() : 0));
        var sums = parts.RowSums();
        return parts.MapIndexed((row, _, part) => part / sums[row], Zeros.Include);
    }

    /// <summary>A class for each row, in a column; about every fourth the ignored one, if there is one.</summary>
    public static Matrix<T> Classes<T>(int rows, int count, int seed, int? ignored = null) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var random = new Random(seed);
        return Matrix<T>.Build.Dense(rows, 1, (row, _) => T.CreateChecked(row > 0 && ignored is { } index && random.Next(4) == 0 ? index : random.Next(count)));
    }

    /// <summary>Weights of both sides of 1.</summary>
    public static Vector<T> Weights<T>(int count, int seed) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> => Fractions<T>(count, 1, seed).Column(0) * T.CreateChecked(2);
}

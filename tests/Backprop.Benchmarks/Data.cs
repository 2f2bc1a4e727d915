using System.Numerics;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;

namespace Backprop.Benchmarks;

internal static class Data
{
    /// <summary>A dense matrix of values in [-1, 1).</summary>
    public static Matrix<T> Uniform<T>(int rows, int columns, long seed) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var x = Matrix<T>.Build.Dense(rows, columns);
        new Generator(seed).Uniform(x, -1, 1);
        return x;
    }

    /// <summary>The torch type of <typeparamref name="T"/>.</summary>
    public static torch.ScalarType TypeOf<T>() => typeof(T) == typeof(float) ? torch.ScalarType.Float32 : torch.ScalarType.Float64;

    /// <summary>The name of <typeparamref name="T"/> in C#.</summary>
    public static string NameOf<T>() => typeof(T) == typeof(float) ? "float" : "double";

    /// <summary>A contiguous tensor with the values of a matrix.</summary>
    public static torch.Tensor Tensor<T>(Matrix<T> x) where T : unmanaged, IFloatingPointIeee754<T> =>
        Tensor(x.ToRowMajorArray(), x.RowCount, x.ColumnCount);

    /// <summary>A contiguous tensor with these values, row after row.</summary>
    public static torch.Tensor Tensor<T>(T[] rowMajor, params long[] shape) where T : unmanaged
    {
        using var flat = torch.from_array(rowMajor);
        return flat.reshape(shape);
    }

    /// <summary>The largest difference between a tensor and a matrix, relative to the larger of 1 and the matrix's largest entry.</summary>
    public static double Difference<T>(torch.Tensor tensor, Matrix<T> x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var scope = torch.NewDisposeScope();
        var expected = Tensor(x);
        return ((tensor - expected).abs().max() / expected.abs().max().clamp_min(1)).ToDouble();
    }
}

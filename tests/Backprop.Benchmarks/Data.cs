using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Benchmarks;

internal static class Data
{
    /// <summary>A dense matrix of values in [-bound, bound), the same for the same seed.</summary>
    public static Matrix<T> Uniform<T>(int rows, int columns, long seed, double bound = 1) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var x = Matrix<T>.Build.Dense(rows, columns);
        new Generator(seed).Uniform(x, -bound, bound);
        return x;
    }

    /// <summary>The name of <typeparamref name="T"/> in C#.</summary>
    public static string NameOf<T>() => typeof(T) == typeof(float) ? "float" : "double";
}

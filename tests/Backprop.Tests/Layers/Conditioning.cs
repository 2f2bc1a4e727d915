using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

/// <summary>How far from each other two right computations of a normalisation may be.</summary>
/// <remarks>
/// PyTorch keeps the mean as one number, wrong by up to u |mean|, where u is half the distance between neighbouring numbers. x̂ divides that by sigma; its
/// backward pass works with x instead of x - mean, and divides twice: with r = 1/sqrt(var + eps), dX is off by about u max|x| r^2, which
/// for values in ±1 is within the usual tolerance as long as r is small. So the usual tolerance grows by r^2 (1 + max|x|) / 10 once that is above 1.
/// </remarks>
internal static class Conditioning
{
    /// <summary>The tolerance for a matrix whose rows, or else columns, are normalised.</summary>
    public static Proof.Tolerance Of<T>(Matrix<T> x, bool rows, double epsilon, bool centred = true) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var worst = 1.0;
        foreach (var group in rows ? x.EnumerateRows() : x.EnumerateColumns())
        {
            var values = group.Select(double.CreateChecked).ToArray();
            var mean = centred ? values.Average() : 0;
            var variance = values.Average(value => (value - mean) * (value - mean));
            worst = Math.Max(worst, (1 + values.Max(Math.Abs)) / (variance + epsilon) / 10);
        }

        var usual = Proof.Tolerance.Of<T>();
        return new(usual.Absolute * worst, usual.Relative);
    }

    /// <summary>Values for w and b that differ from each other and from 1 and 0.</summary>
    public static TLayer Vary<T, TLayer>(TLayer layer, int seed) where T : unmanaged, IFloatingPointIeee754<T> where TLayer : Layer<T>
    {
        foreach (var parameter in layer.Parameters) Any.Matrix<T>(parameter.Count, 1, seed++, 2).AsColumnMajorArray().CopyTo(parameter.Values);
        return layer;
    }
}

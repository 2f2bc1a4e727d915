using System.Numerics;
using Backprop.Torch;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

/// <summary>How far from PyTorch's a normalisation may be in float. In double the usual tolerance holds everywhere.</summary>
/// <remarks>
/// PyTorch keeps the mean as one number, wrong by up to u |mean|, where u is half the distance between neighbouring numbers, and its backward pass
/// takes apart r (dX̂ - x̂ ...) into terms with x, so that with r = 1/sqrt(var + eps) its dX is off by about u max|x| r². For values in ±1 and r below 3 the
/// usual tolerance covers that; beyond, its absolute part grows by r² (1 + max|x|) / 10. (Ours is off by u r: see Large_offsets_lose_no_digits.)
/// </remarks>
internal static class Conditioning
{
    /// <summary>The tolerance for a matrix whose rows, or else columns, are normalised.</summary>
    public static Tolerance Of<T>(Matrix<T> x, bool rows, double epsilon, bool centred = true) where T : unmanaged, IFloatingPointIeee754<T> =>
        Widened<T>((rows ? x.EnumerateRows() : x.EnumerateColumns()).Max(group =>
        {
            var values = group.Select(double.CreateChecked).ToArray();
            var mean = centred ? values.Average() : 0;
            return Math.Max(1, (1 + values.Max(Math.Abs)) / (values.Average(value => (value - mean) * (value - mean)) + epsilon) / 10);
        }));

    /// <summary>The usual tolerance with a larger absolute part; in double, the usual one.</summary>
    public static Tolerance Widened<T>(double factor)
    {
        var usual = Tolerance.Of<T>();
        return typeof(T) == typeof(double) ? usual : new(usual.Absolute * factor, usual.Relative);
    }

    /// <summary>Values for w and b that differ from each other and from 1 and 0.</summary>
    public static TLayer Vary<T, TLayer>(TLayer layer, int seed) where T : unmanaged, IFloatingPointIeee754<T> where TLayer : Layer<T>
    {
        foreach (var parameter in layer.Parameters) Any.Matrix<T>(parameter.Count, 1, seed++, 2).AsColumnMajorArray().CopyTo(parameter.Values);
        return layer;
    }
}

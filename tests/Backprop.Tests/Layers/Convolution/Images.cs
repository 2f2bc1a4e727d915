using System.Numerics;
using Backprop.Torch;
using TorchSharp;

namespace Backprop.Tests;

/// <summary>What the tests of layers for images share.</summary>
internal static class Images
{
    /// <summary>A gradient that sums up so many floats of both signs, each chain rounding in its own order, differs by that many roundings of numbers about as large as 1, of which 1e-6 holds some.</summary>
    public static Tolerance Summing<T>(long summands) where T : unmanaged, IFloatingPointIeee754<T> => Conditioning.Widened<T>(Math.Max(1, summands / 50.0));

    /// <summary>The images that the rows of a matrix are.</summary>
    public static torch.Tensor Of(torch.Tensor x, ImageShape shape) => x.reshape(x.shape[0], shape.Channels, shape.Height, shape.Width);

    /// <summary>Whether so few numbers come in that each may be moved for a finite difference.</summary>
    public static bool AreFew(int samples, ImageShape shape) => samples * shape.Columns <= 150;
}

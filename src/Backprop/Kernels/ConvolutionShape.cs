using Backprop.Checks;

namespace Backprop.Kernels;

/// <summary>The sizes of a convolution, which takes images X to images Y: y[o, p, q] = Σ_cuv w[o, c, u, v] x̃[c, p s + u d, q s + v d], where x̃ is x with its padding.</summary>
internal sealed record ConvolutionShape(ImageShape Input, ImageShape Output, Size2d Kernel, Size2d Stride, Size2d Dilation, Padding2d Padding, PaddingMode Mode, int Groups) : IImmutable
{
    /// <summary>Input channels of a group.</summary>
    public int InputsOfGroup => Input.Channels / Groups;

    /// <summary>Output channels of a group.</summary>
    public int OutputsOfGroup => Output.Channels / Groups;

    /// <summary>Weights of an output: in (kh kw).</summary>
    public int Taps => InputsOfGroup * Kernel.Height * Kernel.Width;

    /// <summary>The same with a stride of 1 along a side where there is one place only: what is never done needs no room.</summary>
    public ConvolutionShape InShort() => this with { Stride = new(Output.Height == 1 ? 1 : Stride.Height, Output.Width == 1 ? 1 : Stride.Width) };

    /// <summary>Rows of x̃.</summary>
    public int PaddedHeight => Input.Height + Padding.Top + Padding.Bottom;

    /// <summary>Pixels in a row of x̃.</summary>
    public int PaddedWidth => Input.Width + Padding.Left + Padding.Right;

    /// <summary>For each row, or pixel of a row, of x̃ the one of x that stands there, or -1 for zeros.</summary>
    internal static int[] Sources(int size, int before, int after, PaddingMode mode)
    {
        var sources = new int[size + before + after];
        for (var i = 0; i < sources.Length; i++)
        {
            var at = i - before;
            sources[i] = at >= 0 && at < size ? at : mode switch
            {
                PaddingMode.Reflect => at < 0 ? -at : 2 * (size - 1) - at,
                PaddingMode.Replicate => at < 0 ? 0 : size - 1,
                PaddingMode.Circular => at < 0 ? at + size : at - size,
                _ => -1,
            };
        }

        return sources;
    }
}

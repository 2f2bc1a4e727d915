using Backprop.Kernels;

namespace Backprop;

/// <summary>What a convolution's constructor refuses, and what it makes of its arguments.</summary>
internal static class ConvolutionSizes
{
    /// <summary>A convolution from images of <paramref name="input"/> to as many channels as are given.</summary>
    public static ConvolutionShape Of(string owner, ImageShape input, string inputName, int outChannels, Size2d kernelSize, Size2d stride, Padding2d padding, Size2d dilation, int groups, PaddingMode mode)
    {
        input.Require(owner, inputName);
        Expect.Positive(owner, outChannels, nameof(outChannels));
        AtLeastOne(owner, kernelSize, nameof(kernelSize));
        AtLeastOne(owner, stride, nameof(stride));
        AtLeastOne(owner, dilation, nameof(dilation));
        RequireGroups(owner, groups, input.Channels, outChannels);
        Expect.Defined(owner, mode, "paddingMode");
        var span = SpanOf(owner, kernelSize, dilation);
        if (padding.IsSame)
        {
            if (stride != 1) throw new ArgumentException($"{owner} expects stride 1 with padding that keeps the size, but it is {stride}.", nameof(stride));
            // What is odd goes to the right and to the bottom.
            padding = new((span.Width - 1) / 2, span.Width / 2, (span.Height - 1) / 2, span.Height / 2);
        }

        RequirePadding(owner, input, padding, mode);
        if (span.Height > input.Height + padding.Top + padding.Bottom || span.Width > input.Width + padding.Left + padding.Right)
        {
            throw new ArgumentException(
                $"{owner} expects a kernel that fits into the image with its padding, {input.Height + padding.Top + padding.Bottom}x{input.Width + padding.Left + padding.Right}, but it spans {span.Height}x{span.Width}.", nameof(kernelSize));
        }

        var output = new ImageShape(
            outChannels, (input.Height + padding.Top + padding.Bottom - span.Height) / stride.Height + 1, (input.Width + padding.Left + padding.Right - span.Width) / stride.Width + 1);
        return new(input, output.Require(owner, nameof(outChannels)), kernelSize, stride, dilation, padding, mode, groups);
    }

    /// <summary>The convolution that a transposed one goes the other way through: from its output to its input.</summary>
    public static ConvolutionShape Transposed(string owner, ImageShape input, int outChannels, Size2d kernelSize, Size2d stride, Padding2d padding, Size2d outputPadding, Size2d dilation, int groups)
    {
        input.Require(owner, nameof(input));
        Expect.Positive(owner, outChannels, nameof(outChannels));
        AtLeastOne(owner, kernelSize, nameof(kernelSize));
        AtLeastOne(owner, stride, nameof(stride));
        AtLeastOne(owner, dilation, nameof(dilation));
        RequireGroups(owner, groups, input.Channels, outChannels);
        RequirePadding(owner, input, padding, PaddingMode.Zeros);
        if (outputPadding.Height < 0 || outputPadding.Width < 0 || outputPadding.Height >= Math.Max(stride.Height, dilation.Height) || outputPadding.Width >= Math.Max(stride.Width, dilation.Width))
            throw new ArgumentException($"{owner} expects outputPadding to be at least 0 and smaller than stride or dilation, but it is {outputPadding}.", nameof(outputPadding));
        var span = SpanOf(owner, kernelSize, dilation);
        double height = (input.Height - 1.0) * stride.Height - padding.Top - padding.Bottom + span.Height + outputPadding.Height;
        double width = (input.Width - 1.0) * stride.Width - padding.Left - padding.Right + span.Width + outputPadding.Width;
        if (height < 1 || width < 1 || height > Array.MaxLength || width > Array.MaxLength)
            throw new ArgumentException($"{owner} expects an output of at least one pixel and no more than a matrix has columns, but it would be {Signature.Number(height)}x{Signature.Number(width)}.", nameof(kernelSize));
        var output = new ImageShape(outChannels, (int)height, (int)width).Require(owner, nameof(outChannels));
        return new(output, input, kernelSize, stride, dilation, padding, PaddingMode.Zeros, groups);
    }

    /// <summary>Refuses sizes below 1.</summary>
    public static void AtLeastOne(string owner, Size2d size, string name)
    {
        if (size.Height < 1 || size.Width < 1) throw new ArgumentOutOfRangeException(name, $"{owner} expects {name} to be at least 1, but it is {size}.");
    }

    /// <summary>Refuses negative sizes, and pixels beyond what an image has to show.</summary>
    public static void RequirePadding(string owner, ImageShape input, Padding2d padding, PaddingMode mode)
    {
        if (padding.Left < 0 || padding.Right < 0 || padding.Top < 0 || padding.Bottom < 0)
            throw new ArgumentOutOfRangeException(nameof(padding), $"{owner} expects padding to be at least 0, but it is {padding}.");
        if ((double)input.Channels * ((double)input.Height + padding.Top + padding.Bottom) * ((double)input.Width + padding.Left + padding.Right) > Array.MaxLength)
            throw new ArgumentOutOfRangeException(nameof(padding), $"{owner} expects padding that leaves room in a matrix, but it is {padding}.");
        var spare = mode switch { PaddingMode.Reflect => 1, PaddingMode.Circular => 0, _ => int.MinValue };
        if (spare == int.MinValue) return;
        if (Math.Max(padding.Left, padding.Right) > input.Width - spare || Math.Max(padding.Top, padding.Bottom) > input.Height - spare)
            throw new ArgumentException($"{owner} expects padding of at most {new Size2d(input.Height - spare, input.Width - spare)}, which is what the image has to show, but it is {padding}.", nameof(padding));
    }

    private static void RequireGroups(string owner, int groups, int inChannels, int outChannels)
    {
        Expect.Positive(owner, groups, nameof(groups));
        if (inChannels % groups != 0 || outChannels % groups != 0)
            throw new ArgumentException($"{owner} expects groups that divide the {inChannels} input and the {outChannels} output channels, but there are {Signature.Number(groups)}.", nameof(groups));
    }

    /// <summary>How many pixels a kernel reaches over.</summary>
    private static Size2d SpanOf(string owner, Size2d kernelSize, Size2d dilation)
    {
        var (height, width) = ((kernelSize.Height - 1.0) * dilation.Height + 1, (kernelSize.Width - 1.0) * dilation.Width + 1);
        if (height > Array.MaxLength || width > Array.MaxLength)
            throw new ArgumentOutOfRangeException(nameof(kernelSize), $"{owner} expects a kernel that is no larger than an image can be, but it spans {Signature.Number(height)}x{Signature.Number(width)}.");
        return new((int)height, (int)width);
    }
}

using System.Globalization;

namespace Backprop;

/// <summary>What the constructors of pooling layers refuse, and how large their outputs are.</summary>
internal static class PoolingSizes
{
    /// <summary>The output of a window that moves over each channel.</summary>
    public static ImageShape Of(string owner, ImageShape input, Size2d kernelSize, Size2d stride, Size2d padding, Size2d dilation, bool ceilMode)
    {
        input.Require(owner, "inputShape");
        ConvolutionSizes.AtLeastOne(owner, kernelSize, nameof(kernelSize));
        ConvolutionSizes.AtLeastOne(owner, stride, nameof(stride));
        ConvolutionSizes.AtLeastOne(owner, dilation, nameof(dilation));
        if (padding.Height < 0 || padding.Width < 0 || padding.Height > kernelSize.Height / 2 || padding.Width > kernelSize.Width / 2)
            throw new ArgumentOutOfRangeException(nameof(padding), $"{owner} expects padding of at least 0 and at most half the kernel, but it is {padding}.");
        var size = new Size2d(
            Places(owner, input.Height, kernelSize.Height, stride.Height, padding.Height, dilation.Height, ceilMode), Places(owner, input.Width, kernelSize.Width, stride.Width, padding.Width, dilation.Width, ceilMode));
        return new(input.Channels, size.Height, size.Width);
    }

    private static int Places(string owner, int size, int kernelSize, int stride, int padding, int dilation, bool ceilMode)
    {
        long padded = size + 2L * padding, span = dilation * (kernelSize - 1L) + 1, rest = padded - span;
        if (rest < 0 && !(ceilMode && rest > -stride))
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{owner} expects a window that fits into the image with its padding, but it spans {span} of {padded} pixels."), nameof(kernelSize));
        var places = (ceilMode ? (rest + stride - 1) / stride : rest / stride) + 1;
        // A window that begins behind the image and its padding before it is none.
        if (ceilMode && (places - 1) * stride >= size + (long)padding) places--;
        return (int)places;
    }
}

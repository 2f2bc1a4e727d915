using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Backprop.Torch;

/// <summary>Modules of layers for images and signals: rows to (rows, channels, height, width), PyTorch's function, and back.</summary>
internal static class Images
{
    public static IEnumerable<ModuleMaker<T>> Makers<T>() where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
    [
        TorchModules.For<T, Conv1d<T>>((layer, module, x) => Rows(functional.conv1d(
            Padded(x.reshape(-1, layer.InChannels, layer.Length), layer.PaddingMode, layer.Padding.Before, layer.Padding.After),
            module["weight"], module.Find("bias")!, layer.Stride, 0, layer.Dilation, layer.Groups))),
        TorchModules.For<T, Conv2d<T>>((layer, module, x) => Rows(functional.conv2d(
            Padded(Of(x, layer.InputShape), layer.PaddingMode, layer.Padding.Left, layer.Padding.Right, layer.Padding.Top, layer.Padding.Bottom),
            module["weight"], module.Find("bias")!, Sides(layer.Stride), [0, 0], Sides(layer.Dilation), layer.Groups))),
        TorchModules.For<T, ConvTranspose2d<T>>(ConvTranspose2d),
        TorchModules.For<T, MaxPool2d<T>>((layer, module, x) => Rows(functional.max_pool2d(
            Of(x, layer.InputShape), Sides(layer.KernelSize), Sides(layer.Stride), Sides(layer.Padding), Sides(layer.Dilation), layer.CeilMode))),
        TorchModules.For<T, AvgPool2d<T>>((layer, module, x) => Rows(functional.avg_pool2d(
            Of(x, layer.InputShape), Sides(layer.KernelSize), Sides(layer.Stride), Sides(layer.Padding), layer.CeilMode, layer.CountIncludePad, layer.DivisorOverride))),
        TorchModules.For<T, AdaptiveAvgPool2d<T>>((layer, module, x) => Rows(functional.adaptive_avg_pool2d(Of(x, layer.InputShape), Sides(layer.OutputShape.Size)))),
        TorchModules.For<T, Upsample<T>>((layer, module, x) => Rows(layer.Mode == UpsampleMode.Nearest
            ? functional.interpolate(Of(x, layer.InputShape), Sides(layer.OutputShape.Size), mode: InterpolationMode.Nearest)
            : functional.interpolate(Of(x, layer.InputShape), Sides(layer.OutputShape.Size), mode: InterpolationMode.Bilinear, align_corners: layer.AlignCorners))),
        TorchModules.For<T, ZeroPad2d<T>>((layer, module, x) => Rows(Padded(
            Of(x, layer.InputShape), PaddingMode.Zeros, layer.Padding.Left, layer.Padding.Right, layer.Padding.Top, layer.Padding.Bottom))),
        TorchModules.For<T, Dropout2d<T>>((layer, module, x) => functional.dropout2d(x.reshape(x.shape[0], layer.Channels, -1, 1), layer.P, module.training).reshape(x.shape)),
    ];

    /// <summary>(rows x columns) as (rows, channels, height, width).</summary>
    public static Tensor Of(Tensor x, ImageShape shape) => x.reshape(-1, shape.Channels, shape.Height, shape.Width);

    private static Tensor ConvTranspose2d<T>(ConvTranspose2d<T> layer, LayerModule module, Tensor x) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        // What is cut off may differ from side to side here: the least is PyTorch's padding, the rest is cut off after it.
        var cut = layer.Padding;
        var (rows, columns) = (Math.Min(cut.Top, cut.Bottom), Math.Min(cut.Left, cut.Right));
        var y = functional.conv_transpose2d(
            Of(x, layer.InputShape), module["weight"], module.Find("bias")!, Sides(layer.Stride), [rows, columns], Sides(layer.OutputPadding), Sides(layer.Dilation), layer.Groups);
        return Rows(y.narrow(2, cut.Top - rows, layer.OutputShape.Height).narrow(3, cut.Left - columns, layer.OutputShape.Width));
    }

    private static Tensor Padded(Tensor images, PaddingMode mode, params int[] sizes) => sizes.All(size => size == 0) ? images
        : functional.pad(images, [.. sizes.Select(size => (long)size)], mode switch
        {
            PaddingMode.Reflect => TorchSharp.PaddingModes.Reflect,
            PaddingMode.Replicate => TorchSharp.PaddingModes.Replicate,
            PaddingMode.Circular => TorchSharp.PaddingModes.Circular,
            _ => TorchSharp.PaddingModes.Constant,
        });

    private static Tensor Rows(Tensor images) => images.reshape(images.shape[0], -1);

    private static long[] Sides(Size2d size) => [size.Height, size.Width];
}

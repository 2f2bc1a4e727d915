using System.Numerics;
using static Backprop.Onnx.OnnxSetting;

namespace Backprop.Onnx;

/// <summary>
/// Writes convolutions and what surrounds them. In float they are ONNX's own; in double, which ONNX Runtime has none of, the pixels under each place of the kernel are gathered and multiplied by the weights.
/// </summary>
internal static class Images
{
    public static IEnumerable<LayerExporter<T>> Exporters<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
    [
        Onnx.Exporters.For<T, Conv1d<T>>(Conv1d),
        Onnx.Exporters.For<T, Conv2d<T>>(Conv2d),
        Onnx.Exporters.For<T, ConvTranspose2d<T>>(ConvTranspose2d),
        // y[c, h + top, w + left] = x[c, h, w], y = 0 elsewhere
        Onnx.Exporters.For((OnnxGraph<T> graph, ZeroPad2d<T> layer, OnnxValue x) => graph.ToMatrix(
            graph.Node("Pad", graph.ToImages(x, layer.InputShape), graph.Integers(0, 0, layer.Padding.Top, layer.Padding.Left, 0, 0, layer.Padding.Bottom, layer.Padding.Right)), layer.OutputShape.Columns)),
    ];

    private static OnnxValue Conv1d<T>(OnnxGraph<T> graph, Conv1d<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (before, after) = layer.Padding;
        ImageShape input = new(layer.InChannels, 1, layer.Length), output = new(layer.OutChannels, 1, layer.OutputLength);
        var columns = Sources(layer.Length, before, after, layer.PaddingMode);
        if (graph.IsDouble)
        {
            var places = Places(input, output, new(1, layer.KernelSize), new(1, layer.Stride), new(1, layer.Dilation), [0], columns);
            return Product(graph, x, input, output, layer.KernelSize, layer.Groups, places, Weights(graph, layer.Weight, layer.Groups), layer.Bias);
        }

        var signal = graph.Reshape(x, -1, input.Channels, input.Width);
        if (layer.PaddingMode != PaddingMode.Zeros) ((before, after), signal) = ((0, 0), graph.Gather(signal, 2, graph.Integers(columns)));
        return graph.ToMatrix(
            graph.Node("Conv", Operands(graph, signal, layer.Weight, layer.Bias),
                Wholes("kernel_shape", layer.KernelSize), Wholes("strides", layer.Stride), Wholes("dilations", layer.Dilation), Wholes("pads", before, after), Whole("group", layer.Groups)),
            output.Columns);
    }

    private static OnnxValue Conv2d<T>(OnnxGraph<T> graph, Conv2d<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var padding = layer.Padding;
        long[] rows = Sources(layer.InputShape.Height, padding.Top, padding.Bottom, layer.PaddingMode), columns = Sources(layer.InputShape.Width, padding.Left, padding.Right, layer.PaddingMode);
        if (graph.IsDouble)
        {
            var places = Places(layer.InputShape, layer.OutputShape, layer.KernelSize, layer.Stride, layer.Dilation, rows, columns);
            return Product(graph, x, layer.InputShape, layer.OutputShape, layer.KernelSize.Height * layer.KernelSize.Width, layer.Groups, places, Weights(graph, layer.Weight, layer.Groups), layer.Bias);
        }

        var images = graph.ToImages(x, layer.InputShape);
        // Mirrored, repeated or wrapped, each row and column is one of the image's.
        if (layer.PaddingMode != PaddingMode.Zeros) (padding, images) = (default, graph.Gather(graph.Gather(images, 2, graph.Integers(rows)), 3, graph.Integers(columns)));
        return graph.ToMatrix(graph.Node("Conv", Operands(graph, images, layer.Weight, layer.Bias), Settings(layer.KernelSize, layer.Stride, layer.Dilation, padding, layer.Groups)), layer.OutputShape.Columns);
    }

    private static OnnxValue ConvTranspose2d<T>(OnnxGraph<T> graph, ConvTranspose2d<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (input, output, kernel) = (layer.InputShape, layer.OutputShape, layer.KernelSize);
        if (!graph.IsDouble)
        {
            OnnxSetting[] settings = [.. Settings(kernel, layer.Stride, layer.Dilation, layer.Padding, layer.Groups), Wholes("output_padding", layer.OutputPadding.Height, layer.OutputPadding.Width)];
            return graph.ToMatrix(graph.Node("ConvTranspose", Operands(graph, graph.ToImages(x, input), layer.Weight, layer.Bias), settings), output.Columns);
        }

        // y[o, h, w] = b[o] + Σ_cuv W[c, o, u, v] x[c, p, q] with p s + u d = h + padding, q s + v d = w + padding
        var (taps, ofGroup) = ((long)kernel.Height * kernel.Width, output.Channels / layer.Groups);
        var places = new List<long>();
        for (var u = 0; u < kernel.Height; u++)
            for (var v = 0; v < kernel.Width; v++)
                for (var h = 0; h < output.Height; h++)
                    for (var w = 0; w < output.Width; w++)
                    {
                        var (p, q) = (Source(h + layer.Padding.Top - u * layer.Dilation.Height, layer.Stride.Height, input.Height), Source(w + layer.Padding.Left - v * layer.Dilation.Width, layer.Stride.Width, input.Width));
                        places.Add(p < 0 || q < 0 ? (long)input.Height * input.Width : (long)p * input.Width + q);
                    }

        var split = graph.Reshape(graph.Tensor(layer.Weight), layer.Groups, input.Channels / layer.Groups, ofGroup, taps);
        var weights = graph.Reshape(graph.Transpose(split, 0, 2, 1, 3), layer.Groups, ofGroup, -1);
        return Product(graph, x, input, output, taps, layer.Groups, [.. places], weights, layer.Bias);

        static int Source(int at, int stride, int size) => at >= 0 && at % stride == 0 && at / stride < size ? at / stride : -1;
    }

    /// <summary>W x + b, where x are the pixels at so many places under the kernel for each pixel of the output.</summary>
    private static OnnxValue Product<T>(OnnxGraph<T> graph, OnnxValue x, ImageShape input, ImageShape output, long taps, int groups, long[] places, OnnxValue weights, Parameter<T>? bias)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var pixels = (long)output.Height * output.Width;
        var gathered = graph.Reshape(Gathered(graph, x, input, taps, pixels, places, 0), -1, groups, input.Channels / groups * taps, pixels);
        return graph.ToMatrix(graph.Affine(graph.Reshape(graph.Node("MatMul", weights, gathered), -1, output.Channels, pixels), null, bias, output.Channels, 1), output.Columns);
    }

    /// <summary>The pixels at so many places under a window for each pixel of the output: (rows, channels, taps, pixels). One place beyond the image stands for the surroundings, which hold one number.</summary>
    internal static OnnxValue Gathered<T>(OnnxGraph<T> graph, OnnxValue x, ImageShape input, long taps, long pixels, long[] places, double surroundings) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var channels = graph.ToChannels(x, input);
        if (places.Contains((long)input.Height * input.Width)) channels = graph.Node("Pad", channels, graph.Integers(0, 0, 0, 0, 0, 1), graph.Constant(surroundings));
        return graph.Gather(channels, 2, graph.Integers(places, taps, pixels));
    }

    /// <summary>For each place of the kernel and each pixel of the output the pixel of the input there, or the one beyond the last.</summary>
    internal static long[] Places(ImageShape input, ImageShape output, Size2d kernel, Size2d stride, Size2d dilation, long[] rows, long[] columns)
    {
        var places = new List<long>();
        for (var u = 0; u < kernel.Height; u++)
            for (var v = 0; v < kernel.Width; v++)
                for (var p = 0; p < output.Height; p++)
                    for (var q = 0; q < output.Width; q++)
                    {
                        var (h, w) = (At(rows, p * stride.Height + u * dilation.Height), At(columns, q * stride.Width + v * dilation.Width));
                        places.Add(h < 0 || w < 0 ? (long)input.Height * input.Width : h * input.Width + w);
                    }

        return [.. places];

        static long At(long[] sources, int at) => at < sources.Length ? sources[at] : -1;
    }

    /// <summary>For each row, or pixel of a row, of the image with its padding the one of the image that stands there, or -1 for zeros.</summary>
    internal static long[] Sources(int size, int before, int after, PaddingMode mode) => [.. Enumerable.Range(-before, size + before + after).Select(at => (long)(at >= 0 && at < size ? at : mode switch
    {
        PaddingMode.Reflect => at < 0 ? -at : 2 * (size - 1) - at,
        PaddingMode.Replicate => at < 0 ? 0 : size - 1,
        PaddingMode.Circular => at < 0 ? at + size : at - size,
        _ => -1,
    }))];

    private static OnnxValue Weights<T>(OnnxGraph<T> graph, MatrixParameter<T> weight, int groups) where T : unmanaged, IFloatingPointIeee754<T> =>
        graph.Reshape(graph.Tensor(weight), groups, weight.Value.RowCount / groups, weight.Value.ColumnCount);

    private static OnnxValue[] Operands<T>(OnnxGraph<T> graph, OnnxValue x, Parameter<T> weight, Parameter<T>? bias) where T : unmanaged, IFloatingPointIeee754<T> =>
        bias is null ? [x, graph.Tensor(weight)] : [x, graph.Tensor(weight), graph.Tensor(bias)];

    private static OnnxSetting[] Settings(Size2d kernel, Size2d stride, Size2d dilation, Padding2d padding, int groups) =>
    [
        Wholes("kernel_shape", kernel.Height, kernel.Width), Wholes("strides", stride.Height, stride.Width), Wholes("dilations", dilation.Height, dilation.Width),
        Wholes("pads", padding.Top, padding.Left, padding.Bottom, padding.Right), Whole("group", groups),
    ];
}

using System.Numerics;
using static Backprop.Onnx.OnnxSetting;

namespace Backprop.Onnx;

/// <summary>
/// Writes pooling and resampling. What is a mean or lies between pixels is, along each side of the image, a product with a matrix: y = A x B^T. So it is written in double, and in float where ONNX's own
/// operators count otherwise at the border.
/// </summary>
internal static class Pools
{
    public static IEnumerable<LayerExporter<T>> Exporters<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
    [
        Onnx.Exporters.For<T, MaxPool2d<T>>(MaxPool2d),
        Onnx.Exporters.For<T, AvgPool2d<T>>(AvgPool2d),
        Onnx.Exporters.For<T, AdaptiveAvgPool2d<T>>(AdaptiveAvgPool2d),
        Onnx.Exporters.For<T, Upsample<T>>(Upsample),
    ];

    // y[c, p, q] = max_uv x[c, p s + u d - padding, q s + v d - padding]
    private static OnnxValue MaxPool2d<T>(OnnxGraph<T> graph, MaxPool2d<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (input, output, kernel, stride, padding, dilation) = (layer.InputShape, layer.OutputShape, layer.KernelSize, layer.Stride, layer.Padding, layer.Dilation);
        // How far the last windows reach beyond the image: so there are as many as here, whichever way they are counted.
        var bottom = Math.Max(padding.Height, (output.Height - 1) * stride.Height + (kernel.Height - 1) * dilation.Height + 1 - input.Height - padding.Height);
        var right = Math.Max(padding.Width, (output.Width - 1) * stride.Width + (kernel.Width - 1) * dilation.Width + 1 - input.Width - padding.Width);
        if (bottom < kernel.Height && right < kernel.Width)
        {
            return graph.ToMatrix(
                graph.Node("MaxPool", [graph.ToImages(x, input)],
                    Wholes("kernel_shape", kernel.Height, kernel.Width), Wholes("strides", stride.Height, stride.Width), Wholes("dilations", dilation.Height, dilation.Width),
                    Wholes("pads", padding.Height, padding.Width, bottom, right)),
                output.Columns);
        }

        // ONNX takes no padding that is wider than the window.
        var places = Images.Places(
            input, output, kernel, stride, dilation,
            Images.Sources(input.Height, padding.Height, bottom, PaddingMode.Zeros), Images.Sources(input.Width, padding.Width, right, PaddingMode.Zeros));
        var windows = Images.Gathered(graph, x, input, (long)kernel.Height * kernel.Width, (long)output.Height * output.Width, places, double.NegativeInfinity);
        return graph.ToMatrix(graph.Reduce("ReduceMax", windows, keep: false, 2), output.Columns);
    }

    private static OnnxValue AvgPool2d<T>(OnnxGraph<T> graph, AvgPool2d<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (input, output, kernel, stride, padding) = (layer.InputShape, layer.OutputShape, layer.KernelSize, layer.Stride, layer.Padding);
        var (height, width) = ((output.Height - 1) * stride.Height + kernel.Height - 2 * padding.Height, (output.Width - 1) * stride.Width + kernel.Width - 2 * padding.Width);
        if (!graph.IsDouble && layer.DivisorOverride is null && height <= input.Height && width <= input.Width) return AveragePool(graph, x, input, output, kernel, stride, padding, layer.CountIncludePad);

        return Product(
            graph, x, input, output,
            Means(input.Height, output.Height, p => (p * stride.Height - padding.Height, p * stride.Height - padding.Height + kernel.Height), layer.CountIncludePad ? padding.Height : 0, layer.DivisorOverride),
            Means(input.Width, output.Width, q => (q * stride.Width - padding.Width, q * stride.Width - padding.Width + kernel.Width), layer.CountIncludePad ? padding.Width : 0, layer.DivisorOverride is null ? null : 1));
    }

    private static OnnxValue AdaptiveAvgPool2d<T>(OnnxGraph<T> graph, AdaptiveAvgPool2d<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (input, output) = (layer.InputShape, layer.OutputShape);
        if (!graph.IsDouble && output.Size == 1) return graph.ToMatrix(graph.Node("GlobalAveragePool", graph.ToImages(x, input)), output.Columns);
        if (!graph.IsDouble && input.Height % output.Height == 0 && input.Width % output.Width == 0)
        {
            Size2d kernel = new(input.Height / output.Height, input.Width / output.Width);
            return AveragePool(graph, x, input, output, kernel, kernel, default, countIncludePad: true);
        }

        // ⌊p H / P⌋ ≤ h < ⌈(p + 1) H / P⌉
        return Product(graph, x, input, output, Means(input.Height, output.Height, Window(input.Height, output.Height)), Means(input.Width, output.Width, Window(input.Width, output.Width)));

        static Func<int, (int, int)> Window(int size, int places) => p => ((int)((long)p * size / places), (int)(((p + 1L) * size + places - 1) / places));
    }

    private static OnnxValue Upsample<T>(OnnxGraph<T> graph, Upsample<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (input, output) = (layer.InputShape, layer.OutputShape);
        if (layer.Mode == UpsampleMode.Nearest)
        {
            // Each row and column is one of the image's: which, is settled here.
            var rows = graph.Gather(graph.ToImages(x, input), 2, graph.Integers(Nearest(input.Height, output.Height)));
            return graph.ToMatrix(graph.Gather(rows, 3, graph.Integers(Nearest(input.Width, output.Width))), output.Columns);
        }

        if (graph.IsDouble) return Product(graph, x, input, output, Between(input.Height, output.Height, layer.AlignCorners), Between(input.Width, output.Width, layer.AlignCorners));
        OnnxSetting[] settings = [Text("mode", "linear"), Text("coordinate_transformation_mode", layer.AlignCorners ? "align_corners" : "half_pixel")];
        var images = graph.ToImages(x, input);
        var resized = graph.Opset >= 18
            ? graph.Node("Resize", [images, OnnxValue.None, OnnxValue.None, graph.Integers(output.Height, output.Width)], [.. settings, Wholes("axes", 2, 3)])
            : graph.Node("Resize", [images, OnnxValue.None, OnnxValue.None, graph.Node("Concat", [graph.Slice(graph.Node("Shape", images), 0, 0, 2), graph.Integers(output.Height, output.Width)], Whole("axis", 0))], settings);
        return graph.ToMatrix(resized, output.Columns);
    }

    private static OnnxValue AveragePool<T>(OnnxGraph<T> graph, OnnxValue x, ImageShape input, ImageShape output, Size2d kernel, Size2d stride, Size2d padding, bool countIncludePad)
        where T : unmanaged, IFloatingPointIeee754<T> => graph.ToMatrix(
            graph.Node("AveragePool", [graph.ToImages(x, input)],
                Wholes("kernel_shape", kernel.Height, kernel.Width), Wholes("strides", stride.Height, stride.Width), Wholes("pads", padding.Height, padding.Width, padding.Height, padding.Width),
                Whole("count_include_pad", countIncludePad ? 1 : 0)),
            output.Columns);

    /// <summary>y = A x B^T, for each channel.</summary>
    private static OnnxValue Product<T>(OnnxGraph<T> graph, OnnxValue x, ImageShape input, ImageShape output, double[,] a, double[,] b) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var product = graph.Node("MatMul", graph.Node("MatMul", Entries(a), graph.ToImages(x, input)), graph.Transpose(Entries(b), 1, 0));
        return graph.ToMatrix(product, output.Columns);

        OnnxValue Entries(double[,] matrix) => graph.Constant([.. matrix.Cast<double>().Select(T.CreateSaturating)], matrix.GetLength(0), matrix.GetLength(1));
    }

    /// <summary>For each window along a side the share that each place has in its mean; so many places beyond either end count in it, though they are 0. Or the share that a given divisor leaves.</summary>
    private static double[,] Means(int size, int windows, Func<int, (int From, int To)> window, int beyond = 0, int? divisor = null)
    {
        var shares = new double[windows, size];
        for (var p = 0; p < windows; p++)
        {
            var (from, to) = window(p);
            var count = divisor ?? Math.Min(to, size + beyond) - Math.Max(from, -beyond);
            for (var h = Math.Max(from, 0); h < Math.Min(to, size); h++) shares[p, h] = 1.0 / count;
        }

        return shares;
    }

    private static long[] Nearest(int size, int outputs)
    {
        // PyTorch multiplies floats, whatever the type of the image.
        var scale = (float)size / outputs;
        return [.. Enumerable.Range(0, outputs).Select(p => (long)Math.Min((int)MathF.Floor(p * scale), size - 1))];
    }

    private static double[,] Between(int size, int outputs, bool alignCorners)
    {
        var shares = new double[outputs, size];
        var scale = alignCorners ? outputs > 1 ? (size - 1.0) / (outputs - 1) : 0 : (double)size / outputs;
        for (var p = 0; p < outputs; p++)
        {
            var at = alignCorners ? scale * p : Math.Max(0, scale * (p + 0.5) - 0.5);
            var before = Math.Min((int)at, size - 1);
            var share = Math.Clamp(at - before, 0, 1);
            shares[p, before] += 1 - share;
            shares[p, Math.Min(before + 1, size - 1)] += share;
        }

        return shares;
    }
}

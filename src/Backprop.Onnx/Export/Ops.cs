using System.Numerics;
using static Backprop.Onnx.OnnxSetting;

namespace Backprop.Onnx;

/// <summary>Operators by name, so that a layer reads like its formula.</summary>
internal static class Ops
{
    extension<T>(OnnxGraph<T> graph) where T : unmanaged, IFloatingPointIeee754<T>
    {
        public OnnxValue Add(OnnxValue a, OnnxValue b) => graph.Node("Add", a, b);

        public OnnxValue Add(OnnxValue a, double b) => graph.Add(a, graph.Constant(b));

        public OnnxValue Subtract(OnnxValue a, OnnxValue b) => graph.Node("Sub", a, b);

        public OnnxValue Subtract(OnnxValue a, double b) => graph.Subtract(a, graph.Constant(b));

        public OnnxValue Multiply(OnnxValue a, OnnxValue b) => graph.Node("Mul", a, b);

        public OnnxValue Multiply(OnnxValue a, double b) => graph.Multiply(a, graph.Constant(b));

        public OnnxValue Divide(OnnxValue a, OnnxValue b) => graph.Node("Div", a, b);

        public OnnxValue Divide(OnnxValue a, double b) => graph.Divide(a, graph.Constant(b));

        public OnnxValue AtMost(OnnxValue a, double most) => graph.Node("Min", a, graph.Constant(most));

        public OnnxValue AtLeast(OnnxValue a, double least) => graph.Node("Max", a, graph.Constant(least));

        public OnnxValue Clamp(OnnxValue a, double least, double most) => graph.Node("Clip", a, graph.Constant(least), graph.Constant(most));

        /// <summary>Where a is greater than b, yes, else no.</summary>
        public OnnxValue WhereGreater(OnnxValue a, double b, OnnxValue yes, OnnxValue no) => graph.Node("Where", graph.Node("Greater", a, graph.Constant(b)), yes, no);

        /// <summary>1 + e^-|x|, of which the logarithm never overflows.</summary>
        public OnnxValue OnePlusExpOfMinusAbs(OnnxValue x) => graph.Add(graph.Node("Exp", graph.Node("Neg", graph.Node("Abs", x))), 1);

        /// <summary>x W^T + b.</summary>
        public OnnxValue Linear(OnnxValue x, Parameter<T> weight, Parameter<T>? bias) =>
            bias is null ? graph.Node("Gemm", [x, graph.Tensor(weight)], Whole("transB", 1)) : graph.Node("Gemm", [x, graph.Tensor(weight), graph.Tensor(bias)], Whole("transB", 1));

        /// <summary>Over some axes, which stay with size 1 or go. Until opset 18 they are an attribute of all but the sum, since then an input.</summary>
        public OnnxValue Reduce(string op, OnnxValue x, bool keep, params long[] axes) => graph.Opset >= 18
            ? graph.Node(op, [x, graph.Integers(axes)], Whole("keepdims", keep ? 1 : 0))
            : graph.Node(op, [x], Wholes("axes", axes), Whole("keepdims", keep ? 1 : 0));

        /// <summary>From one place along an axis to before another.</summary>
        public OnnxValue Slice(OnnxValue x, long axis, OnnxValue start, OnnxValue end) => graph.Node("Slice", x, start, end, graph.Integers(axis));

        public OnnxValue Slice(OnnxValue x, long axis, long start, long end) => graph.Slice(x, axis, graph.Integers(start), graph.Integers(end));

        /// <summary>Places along an axis, in any order.</summary>
        public OnnxValue Gather(OnnxValue x, long axis, OnnxValue places) => graph.Node("Gather", [x, places], Whole("axis", axis));

        public OnnxValue Transpose(OnnxValue x, params long[] axes) => graph.Node("Transpose", [x], Wholes("perm", axes));

        /// <summary>(x - mean) / sqrt(var + eps), mean and var over some axes.</summary>
        public OnnxValue Normalize(OnnxValue x, double epsilon, params long[] axes)
        {
            var centred = graph.Subtract(x, graph.Reduce("ReduceMean", x, keep: true, axes));
            var variance = graph.Reduce("ReduceMean", graph.Multiply(centred, centred), keep: true, axes);
            return graph.Divide(centred, graph.Node("Sqrt", graph.Add(variance, epsilon)));
        }

        /// <summary>x w + b, as far as there are such; each of a shape that fits.</summary>
        public OnnxValue Affine(OnnxValue x, Parameter<T>? weight, Parameter<T>? bias, params long[] shape)
        {
            if (weight is not null) x = graph.Multiply(x, Shaped(weight));
            return bias is null ? x : graph.Add(x, Shaped(bias));

            OnnxValue Shaped(Parameter<T> parameter) => shape.Length == 0 ? graph.Tensor(parameter) : graph.Reshape(graph.Tensor(parameter), shape);
        }

        /// <summary>Rows as images: (rows, channels, height, width).</summary>
        public OnnxValue ToImages(OnnxValue x, ImageShape shape) => graph.Reshape(x, -1, shape.Channels, shape.Height, shape.Width);

        /// <summary>Rows as channels of so many pixels: (rows, channels, pixels).</summary>
        public OnnxValue ToChannels(OnnxValue x, ImageShape shape) => graph.Reshape(x, -1, shape.Channels, (long)shape.Height * shape.Width);

        /// <summary>A matrix of so many columns.</summary>
        public OnnxValue ToMatrix(OnnxValue x, int columns) => graph.Reshape(x, -1, columns);
    }
}

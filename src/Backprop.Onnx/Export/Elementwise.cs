using System.Numerics;
using static Backprop.Onnx.OnnxSetting;

namespace Backprop.Onnx;

/// <summary>
/// Writes activations. In float they are ONNX's own operators; in double, of which ONNX Runtime has few and whose settings ONNX keeps as floats, they are composed of those that it has, with constants in double.
/// </summary>
internal static class Elementwise
{
    private const double SELUAlpha = 1.6732632423543772, SELUScale = 1.0507009873554805;

    public static IEnumerable<LayerExporter<T>> Exporters<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
    [
        Onnx.Exporters.For((OnnxGraph<T> graph, ReLU<T> layer, OnnxValue x) => graph.Node("Relu", x)),
        Onnx.Exporters.For((OnnxGraph<T> graph, ReLU6<T> layer, OnnxValue x) => graph.Clamp(x, 0, 6)),
        Onnx.Exporters.For((OnnxGraph<T> graph, Hardtanh<T> layer, OnnxValue x) => graph.Clamp(x, layer.MinVal, layer.MaxVal)),
        Onnx.Exporters.For((OnnxGraph<T> graph, Sigmoid<T> layer, OnnxValue x) => graph.Node("Sigmoid", x)),
        Onnx.Exporters.For((OnnxGraph<T> graph, Tanh<T> layer, OnnxValue x) => graph.Node("Tanh", x)),
        Onnx.Exporters.For((OnnxGraph<T> graph, Tanhshrink<T> layer, OnnxValue x) => graph.Subtract(x, graph.Node("Tanh", x))),
        Onnx.Exporters.For((OnnxGraph<T> graph, SiLU<T> layer, OnnxValue x) => graph.Multiply(x, graph.Node("Sigmoid", x))),
        Onnx.Exporters.For((OnnxGraph<T> graph, Softmax<T> layer, OnnxValue x) => graph.Node("Softmax", [x], Whole("axis", 1))),
        Onnx.Exporters.For((OnnxGraph<T> graph, LogSoftmax<T> layer, OnnxValue x) => graph.Node("LogSoftmax", [x], Whole("axis", 1))),
        Onnx.Exporters.For<T, ELU<T>>(ELU),
        Onnx.Exporters.For<T, CELU<T>>(CELU),
        Onnx.Exporters.For<T, SELU<T>>(SELU),
        Onnx.Exporters.For<T, GELU<T>>(GELU),
        Onnx.Exporters.For<T, Hardshrink<T>>(Hardshrink),
        Onnx.Exporters.For<T, Softshrink<T>>(Softshrink),
        Onnx.Exporters.For<T, Hardsigmoid<T>>(Hardsigmoid),
        Onnx.Exporters.For<T, Hardswish<T>>(Hardswish),
        Onnx.Exporters.For<T, LeakyReLU<T>>(LeakyReLU),
        Onnx.Exporters.For<T, PReLU<T>>(PReLU),
        Onnx.Exporters.For<T, LogSigmoid<T>>(LogSigmoid),
        Onnx.Exporters.For<T, Softplus<T>>(Softplus),
        Onnx.Exporters.For<T, Mish<T>>(Mish),
        Onnx.Exporters.For<T, Softsign<T>>(Softsign),
    ];

    // y = x > 0 ? x : alpha (e^x - 1)
    private static OnnxValue ELU<T>(OnnxGraph<T> graph, ELU<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T> =>
        graph.IsDouble ? Exponential(graph, x, x, layer.Alpha) : graph.Node("Elu", [x], Number("alpha", layer.Alpha));

    // y = x > 0 ? x : alpha (e^(x / alpha) - 1)
    private static OnnxValue CELU<T>(OnnxGraph<T> graph, CELU<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T> =>
        graph.IsDouble ? Exponential(graph, x, graph.Divide(x, layer.Alpha), layer.Alpha) : graph.Node("Celu", [x], Number("alpha", layer.Alpha));

    // y = s (x > 0 ? x : alpha (e^x - 1))
    private static OnnxValue SELU<T>(OnnxGraph<T> graph, SELU<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T> =>
        graph.IsDouble ? graph.Multiply(Exponential(graph, x, x, SELUAlpha), SELUScale) : graph.Node("Selu", x);

    // Where x > 0 the exponential is not looked at; it may be infinite.
    private static OnnxValue Exponential<T>(OnnxGraph<T> graph, OnnxValue x, OnnxValue exponent, double alpha) where T : unmanaged, IFloatingPointIeee754<T> =>
        graph.WhereGreater(x, 0, x, graph.Multiply(graph.Subtract(graph.Node("Exp", exponent), 1), alpha));

    private static OnnxValue GELU<T>(OnnxGraph<T> graph, GELU<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        // y = x s(2u), u = sqrt(2 / pi) (x + 0.044715 x^3)
        if (layer.Approximate == GELUApproximation.Tanh)
        {
            var cube = graph.Multiply(graph.Multiply(graph.Multiply(x, x), x), 0.044715);
            return graph.Multiply(x, graph.Node("Sigmoid", graph.Multiply(graph.Add(x, cube), 2 * Math.Sqrt(2 / Math.PI))));
        }

        // y = x (1 + erf(x / sqrt(2))) / 2
        return graph.IsDouble ? graph.Multiply(x, NormalDistribution.Of(graph, x)) : graph.Multiply(x, graph.Multiply(graph.Add(graph.Node("Erf", graph.Multiply(x, Math.Sqrt(0.5))), 1), 0.5));
    }

    // y = |x| > lambda ? x : 0
    private static OnnxValue Hardshrink<T>(OnnxGraph<T> graph, Hardshrink<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T> => graph.IsDouble
        ? graph.WhereGreater(graph.Node("Abs", x), layer.Lambda, x, graph.Constant(0))
        : graph.Node("Shrink", [x], Number("lambd", layer.Lambda), Number("bias", 0));

    // y = x - min(max(x, -lambda), lambda)
    private static OnnxValue Softshrink<T>(OnnxGraph<T> graph, Softshrink<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T> => graph.IsDouble
        ? graph.Subtract(x, graph.Clamp(x, -layer.Lambda, layer.Lambda))
        : graph.Node("Shrink", [x], Number("lambd", layer.Lambda), Number("bias", layer.Lambda));

    // y = min(max(x + 3, 0), 6) / 6
    private static OnnxValue Hardsigmoid<T>(OnnxGraph<T> graph, Hardsigmoid<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T> =>
        graph.IsDouble ? Ramp(graph, x) : graph.Node("HardSigmoid", [x], Number("alpha", 1.0 / 6), Number("beta", 0.5));

    // y = x min(max(x + 3, 0), 6) / 6
    private static OnnxValue Hardswish<T>(OnnxGraph<T> graph, Hardswish<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T> =>
        graph.IsDouble ? graph.Multiply(x, Ramp(graph, x)) : graph.Node("HardSwish", x);

    private static OnnxValue Ramp<T>(OnnxGraph<T> graph, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T> => graph.Multiply(graph.Clamp(graph.Add(x, 3), 0, 6), 1.0 / 6);

    // y = x > 0 ? x : a x
    private static OnnxValue LeakyReLU<T>(OnnxGraph<T> graph, LeakyReLU<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T> =>
        graph.IsDouble ? graph.WhereGreater(x, 0, x, graph.Multiply(x, layer.NegativeSlope)) : graph.Node("LeakyRelu", [x], Number("alpha", layer.NegativeSlope));

    // y = x > 0 ? x : a x, with an a for each column or one for all
    private static OnnxValue PReLU<T>(OnnxGraph<T> graph, PReLU<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var slope = graph.Tensor(layer.Weight);
        return graph.IsDouble ? graph.WhereGreater(x, 0, x, graph.Multiply(x, slope)) : graph.Node("PRelu", x, slope);
    }

    // y = -log(1 + e^-x) = min(x, 0) - log(1 + e^-|x|)
    private static OnnxValue LogSigmoid<T>(OnnxGraph<T> graph, LogSigmoid<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T> => graph.IsDouble
        ? graph.Subtract(graph.AtMost(x, 0), graph.Node("Log", graph.OnePlusExpOfMinusAbs(x)))
        : graph.Node("Neg", graph.Node("Softplus", graph.Node("Neg", x)));

    // y = log(1 + e^(beta x)) / beta, but x where beta x > threshold
    private static OnnxValue Softplus<T>(OnnxGraph<T> graph, Softplus<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var z = layer.Beta == 1 ? x : graph.Multiply(x, layer.Beta);
        var y = graph.IsDouble ? graph.Add(graph.AtLeast(z, 0), graph.Node("Log", graph.OnePlusExpOfMinusAbs(z))) : graph.Node("Softplus", z);
        if (layer.Beta != 1) y = graph.Divide(y, layer.Beta);
        // Beyond 20 a float cannot tell the difference.
        return layer.Threshold >= 20 && !graph.IsDouble ? y : graph.WhereGreater(z, layer.Threshold, x, y);
    }

    // y = x tanh(log(1 + e^x)) = x n / (n + 2), n = u (u + 2), u = e^x, beyond 40 with that of 40: n would overflow
    private static OnnxValue Mish<T>(OnnxGraph<T> graph, Mish<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (!graph.IsDouble) return graph.Opset >= 18 ? graph.Node("Mish", x) : graph.Multiply(x, graph.Node("Tanh", graph.Node("Softplus", x)));
        var u = graph.Node("Exp", graph.AtMost(x, 40));
        var n = graph.Multiply(u, graph.Add(u, 2));
        return graph.Multiply(x, graph.Divide(n, graph.Add(n, 2)));
    }

    // y = x / (1 + |x|)
    private static OnnxValue Softsign<T>(OnnxGraph<T> graph, Softsign<T> layer, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T> =>
        graph.IsDouble ? graph.Divide(x, graph.Add(graph.Node("Abs", x), 1)) : graph.Node("Softsign", x);
}

using System.Numerics;

namespace Backprop.Onnx;

/// <summary>
/// The chance that a normal number is below x, in double, where serving programs have no Erf: for x &lt; 0 it is e^(-x²/2) R(t) / (1 + a) with a = |x| and t = (a - 4) / (a + 4), which makes the half-line an
/// interval; for x ≥ 0 it is 1 minus that of -x. R is a polynomial, the same as the library's own: its relative error is 2^-53.9.
/// </summary>
internal static class NormalDistribution
{
    // Beyond 38.7 the tail is 0.
    private const double Far = 38.7;

    // R's coefficients, the highest power first.
    private static readonly double[] Coefficients =
    [
        2.0953130718661594e-10, 4.37553879844616e-09, 1.1326179485613672e-08, -1.8969251819852907e-08, -1.0113036982738674e-07, 2.920547564714558e-09, 5.432654239934987e-07, 4.0201410077283983e-07,
        -2.608091786803101e-06, -3.4305185838645087e-06, 1.3625155551648257e-05, 2.124940749726229e-05, -8.785278909970829e-05, -9.44301079011074e-05, 0.0006948970473444862, -0.0002856231173874864,
        -0.005002378586134788, 0.017936097481067868, -0.0321978374283057, 0.0286003640535055, 0.013999634724429335, -0.09670347732652537, 0.47205320650984467,
    ];

    public static OnnxValue Of<T>(OnnxGraph<T> graph, OnnxValue x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var a = graph.AtMost(graph.Node("Abs", x), Far);
        var t = graph.Divide(graph.Subtract(a, 4), graph.Add(a, 4));
        var r = graph.Constant(Coefficients[0]);
        foreach (var coefficient in Coefficients.AsSpan(1)) r = graph.Add(graph.Multiply(r, t), coefficient);
        var gaussian = graph.Node("Exp", graph.Multiply(graph.Multiply(a, a), -0.5));
        var tail = graph.Divide(graph.Multiply(gaussian, r), graph.Add(a, 1));
        return graph.WhereGreater(x, 0, graph.Subtract(graph.Constant(1), tail), tail);
    }
}

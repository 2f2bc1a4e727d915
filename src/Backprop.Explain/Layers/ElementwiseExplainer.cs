using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains the functions that are applied to each entry: f, and f' by x and y.</summary>
internal sealed class ElementwiseExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // SELU's constants: G. Klambauer et al., Self-normalizing neural networks, NeurIPS 2017.
    private const double SeluAlpha = 1.6732632423543772848170429916717, SeluScale = 1.0507009873554804934193349852946;

    public override bool Explains(Layer<T> layer) => FunctionOf(layer) is not null;

    public override void Explain(Place<T> at)
    {
        var (f, derivative) = FunctionOf(at.Layer)!.Value;
        at.Elementwise(f, derivative);
    }

    private static (Func<Expression, Expression> F, Func<Expression, Expression, Expression> Derivative)? FunctionOf(Layer<T> layer) => layer switch
    {
        Sigmoid<T> => (x => 1 / (1 + Exp(-x)), (_, y) => y * (1 - y)),
        Tanh<T> => (Tanh, (_, y) => 1 - Square(y)),
        ReLU<T> => (x => Max(x, 0), (x, _) => Where(new(x, "≤", 0), 0, 1)),
        ReLU6<T> => (x => Min(Max(x, 0), 6), (x, _) => Between(x, 0, 6, 1)),
        LeakyReLU<T> leaky => (x => Where(More(x, 0), x, leaky.NegativeSlope * x), (x, _) => Where(More(x, 0), 1, leaky.NegativeSlope)),
        ELU<T> elu => (x => Where(More(x, 0), x, elu.Alpha * (Exp(x) - 1)), (x, _) => Where(More(x, 0), 1, elu.Alpha * Exp(x))),
        CELU<T> celu => (x => Where(More(x, 0), x, celu.Alpha * (Exp(x / celu.Alpha) - 1)), (x, _) => Where(More(x, 0), 1, Exp(x / celu.Alpha))),
        SELU<T> => (x => SeluScale * Where(More(x, 0), x, SeluAlpha * (Exp(x) - 1)), (x, _) => SeluScale * Where(More(x, 0), 1, SeluAlpha * Exp(x))),
        GELU<T> { Approximate: GELUApproximation.None } => (x => x * Phi(x), (x, _) => Phi(x) + x * Density(x)),
        GELU<T> => (x => 0.5 * x * (1 + Tanh(GeluU(x))), (x, _) => 0.5 * (1 + Tanh(GeluU(x))) + 0.5 * x * (1 - Square(Tanh(GeluU(x)))) * (GeluScale * (1 + 3 * 0.044715 * Square(x)))),
        SiLU<T> => (x => x * Sigmoid(x), (x, _) => Sigmoid(x) + x * Sigmoid(x) * (1 - Sigmoid(x))),
        Mish<T> => (x => x * Tanh(Softplus(x)), (x, _) => Tanh(Softplus(x)) + x * Sigmoid(x) * (1 - Square(Tanh(Softplus(x))))),
        Softplus<T> soft => (
            x => Where(More(soft.Beta * x, soft.Threshold), x, Softplus(soft.Beta * x) / soft.Beta),
            (x, _) => Where(More(soft.Beta * x, soft.Threshold), 1, Sigmoid(soft.Beta * x))),
        // 1 - |y| is 1 / (1 + |x|), and NaN at infinity, as y is.
        Softsign<T> => (x => x / (1 + Abs(x)), (_, y) => Square(1 - Abs(y))),
        LogSigmoid<T> => (x => -Softplus(-x), (x, _) => Sigmoid(-x)),
        Hardtanh<T> hard => (x => Min(Max(x, hard.MinVal), hard.MaxVal), (x, _) => Between(x, hard.MinVal, hard.MaxVal, 1)),
        Hardsigmoid<T> => (x => Min(Max(x + 3, 0), 6) / 6, (x, _) => Between(x, -3, 3, 1.0 / 6)),
        Hardswish<T> => (x => x * Min(Max(x + 3, 0), 6) / 6, (x, _) => new Cases([new(0, new(x, "≤", -3)), new(1, new(x, "≥", 3)), new(x / 3 + 0.5, null)])),
        Softshrink<T> soft => (x => x - Min(Max(x, -soft.Lambda), soft.Lambda), (x, _) => Where(More(Abs(x), soft.Lambda), 1, 0)),
        Hardshrink<T> hard => (x => Where(new(Abs(x), "≤", hard.Lambda), 0, x), (x, _) => Where(More(Abs(x), hard.Lambda), 1, 0)),
        Tanhshrink<T> => (x => x - Tanh(x), (x, _) => Square(Tanh(x))),
        _ => null,
    };

    private static double GeluScale { get; } = Math.Sqrt(2 / Math.PI);

    private static Expression GeluU(Expression x) => GeluScale * (x + 0.044715 * Power(x, 3));

    private static Expression Square(Expression x) => Power(x, 2);

    private static Function Phi(Expression x) => new Function("Phi", x);

    private static Function Density(Expression x) => new Function("phi", x);

    private static Condition More(Expression x, Expression than) => new(x, ">", than);

    // In this order, so that NaN, of which no comparison holds, is not between.
    private static Expression Between(Expression x, double from, double to, Expression inside) => Where(More(x, from), Where(new(x, "<", to), inside, 0), 0);
}

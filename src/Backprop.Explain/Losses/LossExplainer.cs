using System.Numerics;
using MathNet.Numerics.LinearAlgebra;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Says where a loss and its gradient come from. A loss that is not known is asked itself: for its unreduced losses, and for their derivatives.</summary>
internal static class LossExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Expression P = Symbol("p", "ik"), Target = Symbol("t", "ik"), N = Symbol("N");

    private const string Silent = "The loss says its value and its gradient, but not what they are made of.";

    public static LossRule Explain(LossPlace<T> at) => at.Loss switch
    {
        MSELoss<T> => Elementwise(at, (p, t) => Power(p - t, 2), (p, t) => 2 * (p - t)),
        L1Loss<T> => Elementwise(at, (p, t) => Abs(p - t), (p, t) => new Cases([new(1, new(p, ">", t)), new(-1, new(p, "<", t)), new(0, null)])),
        HuberLoss<T> { Delta: var delta } => Elementwise(at,
            (p, t) => Where(new(Abs(p - t), "<", delta), 0.5 * Power(p - t, 2), delta * (Abs(p - t) - 0.5 * delta)), (p, t) => Min(Max(p - t, -delta), delta)),
        SmoothL1Loss<T> { Beta: > 0 and var beta } => Elementwise(at,
            (p, t) => Where(new(Abs(p - t), "<", beta), 0.5 * Power(p - t, 2) / beta, Abs(p - t) - 0.5 * beta), (p, t) => Min(Max((p - t) / beta, -1), 1)),
        BCEWithLogitsLoss<T> { PosWeight: null } => Elementwise(at, (p, t) => Softplus(p) - t * p, (p, t) => Sigmoid(p) - t),
        BCELoss<T> => Elementwise(at, (p, t) => -(t * Max(Log(p), -100) + (1 - t) * Max(Log(1 - p), -100)), (p, t) => (p - t) / Max(p * (1 - p), (double)1e-12f)),
        CrossEntropyLoss<T> { Weight: null, LabelSmoothing: 0 } when at.TargetMatrix.ColumnCount == 1 && at.Columns > 1 => CrossEntropy(at),
        NLLLoss<T> { Weight: null } => NegativeLogLikelihood(at),
        CombinedLoss<T> combined => Combined(at, combined),
        _ => Generic(at),
    };

    private static LossRule Elementwise(LossPlace<T> at, Func<Expression, Expression, Expression> f, Func<Expression, Expression, Expression> derivative)
    {
        var mean = at.Loss.Reduction == Reduction.Mean;
        var sum = SumOver("ik", f(P, Target));
        return new(
            Equal(Symbol("L"), mean ? sum / N : sum),
            () => Sum(at.Rows * at.Columns, e => f(at.Prediction(e % at.Rows, e / at.Rows), at.Target(e % at.Rows, e / at.Rows))) is var total && mean ? total / at.Divisor : total,
            Equal(Symbol("dp", "ik"), mean ? derivative(P, Target) / N : derivative(P, Target)),
            (i, k) => derivative(at.Prediction(i, k), at.Target(i, k)) is var one && mean ? one / at.Divisor : one,
            Note: mean ? "N counts the entries of the prediction p; t is the target." : "p is the prediction, t the target.");
    }

    private static LossRule CrossEntropy(LossPlace<T> at)
    {
        // s = softmax(p); the greatest of a row is taken off, so that nothing overflows.
        var ignored = ((CrossEntropyLoss<T>)at.Loss).IgnoreIndex;
        var m = at.Define("m", at.Rows, 1, Equal(Symbol("m", "i"), Max(Symbol("p", "i1"), Symbol("p", "i2"), Symbol("..."))), (i, _) => Max([.. Enumerable.Range(0, at.Columns).Select(k => at.Prediction(i, k))]), "m");
        var z = at.Define("sum", at.Rows, 1, Equal(Symbol("z", "i"), SumOver("k", Exp(P - Symbol("m", "i")))), (i, _) => Sum(at.Columns, k => Exp(at.Prediction(i, k) - m[i, 0])), "z");
        var s = at.Define("softmax", at.Rows, at.Columns, Equal(Symbol("s", "ik"), Exp(P - Symbol("m", "i")) / Symbol("z", "i")), (i, k) => Exp(at.Prediction(i, k) - m[i, 0]) / z[i, 0], "s");
        // A share that underflows has its logarithm all the same: log z + m - p.
        return OfClasses(at, ignored, -Log(Symbol("s", "iy")), (i, y) => s.ValueAt(i, y) > 1e-300 ? -Log(s[i, y]) : Log(z[i, 0]) + m[i, 0] - at.Prediction(i, y),
            Symbol("s", "ik") - Where(new(Symbol("k"), "=", Symbol("y", "i")), 1, 0), (i, k, y) => s[i, k] - (k == y ? 1 : 0));
    }

    private static LossRule NegativeLogLikelihood(LossPlace<T> at) => OfClasses(at, ((NLLLoss<T>)at.Loss).IgnoreIndex,
        -Symbol("p", "iy"), (i, y) => -at.Prediction(i, y), -Where(new(Symbol("k"), "=", Symbol("y", "i")), 1, 0), (_, k, y) => k == y ? -1 : 0);

    private static LossRule OfClasses(
        LossPlace<T> at, int ignored, Expression symbols, Func<int, int, Expression> loss, Expression derivativeSymbols, Func<int, int, int, Expression> derivative)
    {
        var mean = at.Loss.Reduction == Reduction.Mean;
        int Class(int i) => int.CreateTruncating(at.TargetMatrix[i, 0]);
        return new(
            Equal(Symbol("L"), mean ? SumOver("i", symbols) / N : SumOver("i", symbols)),
            () => Sum(Enumerable.Range(0, at.Rows).Where(i => Class(i) != ignored).Select(i => loss(i, Class(i)))) is var total && mean ? total / at.Divisor : total,
            Equal(Symbol("dp", "ik"), mean ? derivativeSymbols / N : derivativeSymbols),
            (i, k) => Class(i) == ignored ? 0 : derivative(i, k, Class(i)) is var one && mean ? one / at.Divisor : one,
            Note: "y is the sample's class, the target." + (mean ? " N counts the samples that are not ignored." : ""));
    }

    private static LossRule Combined(LossPlace<T> at, CombinedLoss<T> combined)
    {
        var parts = combined.Parts.Select(part =>
        {
            var (p, t) = (part.Prediction.GetOffsetAndLength(at.Columns), part.Target.GetOffsetAndLength(at.TargetMatrix.ColumnCount));
            var place = at.Part(part, at.PredictionMatrix.SubMatrix(0, at.Rows, p.Offset, p.Length), at.TargetMatrix.SubMatrix(0, at.Rows, t.Offset, t.Length));
            var rule = Explain(place);
            return (Part: part, First: p.Offset, Count: p.Length, Rule: rule, Value: rule.Value() is null ? null : at.Define(part.Name, 1, 1, rule.Formula ?? Symbol("L"), (_, _) => rule.Value()!, part.Name));
        }).ToArray();
        // A part in which nothing counts is left out, as the library does.
        var counting = parts.Where(part => part.Part.Weight != 0 && part.Part.Loss.Divisor(at.PredictionMatrix.SubMatrix(0, at.Rows, part.First, part.Count), TargetOf(at, part.Part)) != 0).ToArray();
        return new(
            Equal(Symbol("L"), SumOver("h", Symbol("w", "h") * Symbol("L", "h"))),
            () => counting.Any(part => part.Value is null) ? null : Sum(counting.Select(part => part.Part.Weight * (Expression)part.Value![0, 0])),
            Equal(Symbol("dp", "ik"), SumOver("h", Symbol("w", "h") * Symbol("dp", "hik"))),
            (i, k) =>
            {
                var shares = counting.Where(part => k >= part.First && k < part.First + part.Count).Select(part => (part.Part.Weight, One: part.Rule.Gradient(i, k - part.First))).ToArray();
                return shares.Any(share => share.One is null) ? null : Sum(shares.Select(share => share.Weight * share.One!));
            },
            parts.Any(part => part.Rule.IsGeneric), "Each part has its own columns and its own weight.");
    }

    private static Matrix<T> TargetOf(LossPlace<T> at, LossPart<T> part) =>
        part.Target.GetOffsetAndLength(at.TargetMatrix.ColumnCount) is var t ? at.TargetMatrix.SubMatrix(0, at.Rows, t.Offset, t.Length) : null!;

    /// <summary>L is the sum of the unreduced losses over what the mean divides by; and of each of them the loss itself says the derivative.</summary>
    private static LossRule Generic(LossPlace<T> at)
    {
        Matrix<T> unreduced;
        try
        {
            unreduced = at.Loss.Unreduced(at.PredictionMatrix, at.TargetMatrix);
        }
        catch (Exception refusal) when (refusal is not OutOfMemoryException)
        {
            return new(null, () => null, null, (_, _) => null, true, Silent);
        }

        var l = at.Keep("unreduced", unreduced, "l");
        var mean = at.Loss.Reduction == Reduction.Mean;
        var derivatives = new Dictionary<int, Matrix<T>?>();
        return new(
            Equal(Symbol("L"), mean ? SumOver("ik", Symbol("l", "ik")) / N : SumOver("ik", Symbol("l", "ik"))),
            () => Sum(l.Count, e => l[e % l.Rows, e / l.Rows]) is var total && mean ? total / at.Divisor : total,
            null,
            (i, k) =>
            {
                // A loss of a sample depends on that sample's row; one of an entry on that entry alone.
                var columns = at.Loss is ElementwiseLoss<T> ? [k] : Enumerable.Range(0, l.Columns);
                var found = columns.Select(c => (Column: c, Derivatives: Of(at.Loss is ElementwiseLoss<T> ? -1 : c))).ToArray();
                if (found.Any(one => one.Derivatives is null)) return null;
                var terms = from one in found let d = double.CreateChecked(one.Derivatives![i, k]) where d != 0 select (Expression)new LocalDerivative(l[i, one.Column], at.Prediction(i, k), d);
                return Sum(terms) is var total && mean ? total / at.Divisor : total;
            },
            true, mean ? "N is what the mean divides by." : null);

        // Of all samples at once, since they do not know of each other: of the losses in one column, or in all (-1).
        Matrix<T>? Of(int column)
        {
            if (derivatives.TryGetValue(column, out var known)) return known;
            var unit = Matrix<T>.Build.Dense(l.Rows, l.Columns, (_, c) => column < 0 || c == column ? T.One : T.Zero);
            try
            {
                return derivatives[column] = at.Loss.UnreducedBackward(at.PredictionMatrix, at.TargetMatrix, unit);
            }
            catch (Exception refusal) when (refusal is not OutOfMemoryException)
            {
                return derivatives[column] = null;
            }
        }
    }
}

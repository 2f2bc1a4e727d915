using System.Runtime.CompilerServices;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>
/// Sigmoid and binary cross-entropy in one: with s(x) = 1 / (1 + e^-x), l = -(w t log s(p) + (1 - t) log(1 - s(p))), entry by entry.
/// </summary>
/// <remarks>
/// <para>Derivative: dl/dp = (1 - t) s(p) - w t s(-p); with w = 1 it is s(p) - t. CHAIN-RULE.md, "BCEWithLogitsLoss".</para>
/// <para>The prediction holds logits: any real numbers, ±1000 too. w is the weight of the positive answers: above 1 where they are rare. Twin:
/// <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html">torch.nn.BCEWithLogitsLoss</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="reduction">Mean or sum.</param>
/// <param name="posWeight">The weight w of each column, or one for all, finite and at least 0; null for 1. Copied.</param>
/// <exception cref="ArgumentException">There is no weight, or one is negative, infinite or NaN.</exception>
public sealed class BCEWithLogitsLoss<T>(Reduction reduction = Reduction.Mean, Vector<T>? posWeight = null)
    : VectorizedLoss<T>(Functions(posWeight), reduction) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>The weight of the positive answers in each column, or one for all; null for 1.</summary>
    public IReadOnlyList<T>? PosWeight { get; } = posWeight?.ToArray();

    /// <inheritdoc/>
    protected override string Entry => $"-({W}t log s(p) + (1 - t) log(1 - s(p))), s(x) = 1 / (1 + e^-x)";

    /// <inheritdoc/>
    protected override string EntryDerivative => PosWeight is null ? "(s(p) - t)" : "((1 - t) s(p) - w t s(-p))";

    private string W => PosWeight is null ? "" : "w ";

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("BCEWithLogitsLoss", SumText, Entries.Text(nameof(posWeight), PosWeight));

    /// <summary>Both dense, of the same shape, with as many columns as there are weights; every target in [0, 1].</summary>
    /// <inheritdoc/>
    protected override void Check(Matrix<T> prediction, Matrix<T> target)
    {
        base.Check(prediction, target);
        if (PosWeight is { Count: > 1 } w && w.Count != prediction.ColumnCount)
            throw new ArgumentException($"{this} expects {w.Count} columns, one for each weight, but prediction is {Operand.Shape(prediction)}.", nameof(prediction));
        Entries.Probabilities(this, target, nameof(target));
    }

    private static Entrywise Functions(Vector<T>? posWeight) => Entries.Weights("BCEWithLogitsLoss", posWeight) switch
    {
        null => Of(new CrossEntropy(T.One)),
        [var w] => Of(new CrossEntropy(w)),
        var weights => ByColumn([.. weights.Select(w => Of(new CrossEntropy(w)))]),
    };

    private readonly struct CrossEntropy(T weight) : IFunction
    {
        // -log s(p) = softplus(-p) = max(-p, 0) + r and -log(1 - s(p)) = softplus(p) = max(p, 0) + r, where r = log(1 + e^-|p|) is never more than log 2.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T>
        {
            V r = V.Log1pOfExpOfMinusAbs(p);
            return V.Broadcast(weight) * t * (V.AtLeast(0, -p) + r) + (1 - t) * (V.AtLeast(0, p) + r);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T> =>
            (1 - t) * V.Sigmoid(p) - V.Broadcast(weight) * t * V.Sigmoid(-p);
    }
}

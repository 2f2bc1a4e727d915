using System.Numerics;
using System.Runtime.CompilerServices;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The binary cross-entropy of probabilities: l = -(t log p + (1 - t) log(1 - p)), entry by entry.</summary>
/// <remarks>
/// <para>Derivative: dl/dp = (p - t) / (p (1 - p)). CHAIN-RULE.md, "BCELoss".</para>
/// <para>A logarithm is at least -100 and the denominator at least 1e-12, so a prediction of 0 where 1 was due costs 100 and not infinity. Sigmoid and this
/// loss in one, <see cref="BCEWithLogitsLoss{T}"/>, need neither limit and are to be preferred. Twin:
/// <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.BCELoss.html">torch.nn.BCELoss</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="reduction">Mean or sum.</param>
public sealed class BCELoss<T>(Reduction reduction = Reduction.Mean)
    : VectorizedLoss<T>(Of(new CrossEntropy()), reduction) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    protected override string Entry => "-(t log p + (1 - t) log(1 - p))";

    /// <inheritdoc/>
    protected override string EntryDerivative => "(p - t) / (p (1 - p))";

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("BCELoss", SumText);

    /// <summary>Prediction and target: dense, of the same shape, every entry in [0, 1].</summary>
    /// <inheritdoc/>
    protected override void Check(Matrix<T> prediction, Matrix<T> target)
    {
        base.Check(prediction, target);
        Entries.Probabilities(this, prediction, nameof(prediction), refuseNaN: true);
        Entries.Probabilities(this, target, nameof(target), refuseNaN: true);
    }

    private readonly struct CrossEntropy : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T>
        {
            V logP = V.AtLeast(-100, V.Log(p)), logNotP = V.AtLeast(-100, V.Log1p(-p));
            return -(t * logP + (1 - t) * logNotP);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T> => (p - t) / V.AtLeast(1e-12f, p * (1 - p)); // a float in PyTorch's doubles too
    }
}

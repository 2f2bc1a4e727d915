using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>The absolute error: l = |p - t|, entry by entry.</summary>
/// <remarks>
/// <para>Derivative: dl/dp = sign(p - t), which is 0 where they are equal. CHAIN-RULE.md, "L1Loss".</para>
/// <para>Where an entry is NaN, so is the loss, but as in PyTorch its derivative is 0. Twin:
/// <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.L1Loss.html">torch.nn.L1Loss</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="reduction">Mean or sum.</param>
public sealed class L1Loss<T>(Reduction reduction = Reduction.Mean)
    : VectorizedLoss<T>(Of(new Absolute()), reduction) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    protected override string Entry => "|p - t|";

    /// <inheritdoc/>
    protected override string EntryDerivative => "sign(p - t)";

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("L1Loss", SumText);

    private readonly struct Absolute : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T> => V.Abs(p - t);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T> => V.Select(p > t, 1, V.Select(p < t, -1, 0));
    }
}

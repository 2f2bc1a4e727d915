using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>The mean squared error: l = (p - t)^2, entry by entry.</summary>
/// <remarks>
/// <para>Derivative: dl/dp = 2 (p - t). CHAIN-RULE.md, "MSELoss".</para>
/// <para>The mean divides by the number N of all entries, not of samples: of a 4 x 3 prediction it is 12. Twin:
/// <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html">torch.nn.MSELoss</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="reduction">Mean or sum.</param>
public sealed class MSELoss<T>(Reduction reduction = Reduction.Mean)
    : VectorizedLoss<T>(Of(new Square()), reduction) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    protected override string Entry => "(p - t)^2";

    /// <inheritdoc/>
    protected override string EntryDerivative => "2 (p - t)";

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("MSELoss", SumText);

    private readonly struct Square : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T> => (p - t) * (p - t);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T> => 2 * (p - t);
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>The logistic function: y = 1 / (1 + e^-x).</summary>
/// <remarks>
/// <para>Derivative: dX = dY * y (1 - y). CHAIN-RULE.md, "Sigmoid".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html">torch.nn.Sigmoid</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Sigmoid<T>() : VectorizedActivation<T>(Of(new Function())) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = 1 / (1 + e^-x)";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY * y (1 - y)";

    /// <inheritdoc/>
    public override string ToString() => "Sigmoid()";

    private readonly struct Function : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => V.Sigmoid(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> => dY * (y * (1 - y));
    }
}

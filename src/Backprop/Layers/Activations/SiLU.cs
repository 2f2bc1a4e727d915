using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>The input times its logistic function: y = x s(x), s(x) = 1 / (1 + e^-x).</summary>
/// <remarks>
/// <para>Derivative: dX = dY * (s + x s (1 - s)). CHAIN-RULE.md, "SiLU".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.SiLU.html">torch.nn.SiLU</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class SiLU<T>() : VectorizedActivation<T>(Of(new Function())) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = x s(x), s(x) = 1 / (1 + e^-x)";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY * (s + x s (1 - s))";

    /// <inheritdoc/>
    public override string ToString() => "SiLU()";

    private readonly struct Function : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => x * V.Sigmoid(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T>
        {
            V s = V.Sigmoid(x, out V slope);
            return dY * (s + x * slope);
        }
    }
}

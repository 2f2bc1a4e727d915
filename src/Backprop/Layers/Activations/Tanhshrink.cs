using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>What tanh takes away: y = x - tanh(x).</summary>
/// <remarks>
/// <para>Derivative: dX = dY * tanh(x)^2. CHAIN-RULE.md, "Tanhshrink".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Tanhshrink.html">torch.nn.Tanhshrink</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Tanhshrink<T>() : VectorizedActivation<T>(Of(new Function())) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = x - tanh(x)";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY * tanh(x)^2";

    /// <inheritdoc/>
    public override string ToString() => "Tanhshrink()";

    private readonly struct Function : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => V.Tanhshrink(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T>
        {
            V t = V.Tanh(x);
            return dY * (t * t);
        }
    }
}

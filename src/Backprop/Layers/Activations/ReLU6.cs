using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>The positive part, at most 6: y = min(max(x, 0), 6).</summary>
/// <remarks>
/// <para>Derivative: dX = dY where 0 &lt; x &lt; 6, else 0. CHAIN-RULE.md, "ReLU6".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU6.html">torch.nn.ReLU6</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class ReLU6<T>() : VectorizedActivation<T>(Of(new Function())) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = min(max(x, 0), 6)";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY where 0 < x < 6, else 0";

    /// <inheritdoc/>
    public override string ToString() => "ReLU6()";

    private readonly struct Function : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => V.AtMost(6, V.AtLeast(V.Zero, x));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> => dY & (x > V.Zero) & (x < 6);
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>The positive part: y = max(x, 0).</summary>
/// <remarks>
/// <para>Derivative: dX = dY where x &gt; 0, else 0. CHAIN-RULE.md, "ReLU".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU.html">torch.nn.ReLU</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class ReLU<T>() : VectorizedActivation<T>(Of(new Function())) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = max(x, 0)";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY where x > 0, else 0";

    /// <inheritdoc/>
    public override string ToString() => "ReLU()";

    private readonly struct Function : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => V.Select(x < V.Zero, V.Zero, x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> => V.Select(x <= V.Zero, V.Zero, dY);
    }
}

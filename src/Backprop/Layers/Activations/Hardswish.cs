using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>The input times its hard logistic function: y = x min(max(x + 3, 0), 6) / 6.</summary>
/// <remarks>
/// <para>Derivative: dX = 0 where x &lt;= -3, dY where x &gt;= 3, else dY * (x / 3 + 1/2). CHAIN-RULE.md, "Hardswish".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Hardswish.html">torch.nn.Hardswish</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Hardswish<T>() : VectorizedActivation<T>(Of(new Function())) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = x min(max(x + 3, 0), 6) / 6";

    /// <inheritdoc/>
    public override string Derivative => "dX = 0 where x <= -3, dY where x >= 3, else dY * (x / 3 + 1/2)";

    /// <inheritdoc/>
    public override string ToString() => "Hardswish()";

    private readonly struct Function : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => x * V.AtMost(6, V.AtLeast(V.Zero, x + 3)) * (1.0 / 6);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> =>
            V.Select(x <= -3, V.Zero, V.Select(x >= 3, dY, dY * (x * (1.0 / 3) + 0.5)));
    }
}

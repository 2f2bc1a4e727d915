using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>A logistic function made of straight lines: y = min(max(x + 3, 0), 6) / 6.</summary>
/// <remarks>
/// <para>Derivative: dX = dY / 6 where -3 &lt; x &lt; 3, else 0. CHAIN-RULE.md, "Hardsigmoid".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Hardsigmoid.html">torch.nn.Hardsigmoid</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Hardsigmoid<T>() : VectorizedActivation<T>(Of(new Function())) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = min(max(x + 3, 0), 6) / 6";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY / 6 where -3 < x < 3, else 0";

    /// <inheritdoc/>
    public override string ToString() => "Hardsigmoid()";

    private readonly struct Function : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => V.AtMost(6, V.AtLeast(V.Zero, x + 3)) * (1.0 / 6);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> => (dY * (1.0 / 6)) & (x > -3) & (x < 3);
    }
}

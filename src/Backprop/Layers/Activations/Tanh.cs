using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>The hyperbolic tangent: y = tanh(x).</summary>
/// <remarks>
/// <para>Derivative: dX = dY * (1 - y^2). CHAIN-RULE.md, "Tanh".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Tanh.html">torch.nn.Tanh</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Tanh<T>() : VectorizedActivation<T>(Of(new Function())) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = tanh(x)";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY * (1 - y^2)";

    /// <inheritdoc/>
    public override string ToString() => "Tanh()";

    private readonly struct Function : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => V.Tanh(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> => dY * ((1 - y) * (1 + y));
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>An ELU scaled so that a deep network keeps mean 0 and variance 1: y = s x where x &gt; 0, else s alpha (e^x - 1).</summary>
/// <remarks>
/// <para>Derivative: dX = dY * s where x &gt; 0, else dY * s alpha e^x. CHAIN-RULE.md, "SELU".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.SELU.html">torch.nn.SELU</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class SELU<T>() : VectorizedActivation<T>(Of(new Function())) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = s (x > 0 ? x : alpha (e^x - 1)), alpha = 1.67326..., s = 1.05070...";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY * s where x > 0, else dY * s alpha e^x";

    /// <inheritdoc/>
    public override string ToString() => "SELU()";

    private const double Alpha = 1.6732632423543772, Scale = 1.0507009873554805;

    private readonly struct Function : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => V.Select(x > V.Zero, Scale * x, Scale * Alpha * V.Expm1(x));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> =>
            dY * V.Select(x > V.Zero, Scale, Scale * Alpha * V.Exp(x));
    }
}

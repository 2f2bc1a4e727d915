using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>A slower tanh: y = x / (1 + |x|).</summary>
/// <remarks>
/// <para>Derivative: dX = dY / (1 + |x|)^2. CHAIN-RULE.md, "Softsign".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Softsign.html">torch.nn.Softsign</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Softsign<T>() : VectorizedActivation<T>(Of(new Function())) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = x / (1 + |x|)";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY / (1 + |x|)^2";

    /// <inheritdoc/>
    public override string ToString() => "Softsign()";

    private readonly struct Function : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => x / (1 + V.Abs(x));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T>
        {
            V d = 1 + V.Abs(x);
            return (dY / d / d) | V.IsNaN(y);   // y is NaN at infinity, and so is the slope
        }
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>The input times the tanh of its softplus: y = x tanh(log(1 + e^x)).</summary>
/// <remarks>
/// <para>Derivative: dX = dY * (t + x s (1 - t^2)), s = 1 / (1 + e^-x). CHAIN-RULE.md, "Mish".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Mish.html">torch.nn.Mish</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Mish<T>() : VectorizedActivation<T>(Of(new Function())) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = x t, t = tanh(log(1 + e^x))";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY * (t + x s (1 - t^2)), s = 1 / (1 + e^-x)";

    /// <inheritdoc/>
    public override string ToString() => "Mish()";

    private readonly struct Function : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => x * Gate(x, out _);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T>
        {
            V t = Gate(x, out V change);
            return dY * (t + x * change);
        }
    }

    /// <summary>t = tanh(log(1 + e^x)) and its derivative, from one exponential u = e^x: t = n / (n + 2), n = u (u + 2); t' = 4 u (u + 1) / (n + 2)^2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Gate<V>(V x, out V change) where V : unmanaged, IVector<V, T>
    {
        // Beyond 40, t is 1 to the last bit, and n^2 would overflow.
        V u = V.Exp(V.AtMost(40, x)), n = u * (u + 2), r = 1 / (n + 2);
        change = (4 * (u * (u + 1)) * r * r) & (x < 40);
        return n * r;
    }
}

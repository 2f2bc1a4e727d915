using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>The logarithm of the logistic function: y = -log(1 + e^-x).</summary>
/// <remarks>
/// <para>Derivative: dX = dY / (1 + e^x). CHAIN-RULE.md, "LogSigmoid".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.LogSigmoid.html">torch.nn.LogSigmoid</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class LogSigmoid<T>() : VectorizedActivation<T>(Of(new Function())) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = -log(1 + e^-x)";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY / (1 + e^x)";

    /// <inheritdoc/>
    public override string ToString() => "LogSigmoid()";

    private readonly struct Function : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T> => V.LogSigmoid(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> => dY * V.Sigmoid(-x);
    }
}

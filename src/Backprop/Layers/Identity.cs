using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Nothing: y = x. A place in a network where another layer might stand.</summary>
/// <remarks>
/// <para>Shapes: x and y (n x m), any m. Derivative: dX = dY. CHAIN-RULE.md, "Identity".</para>
/// <para>y is x and dX is dY, the same matrices and no copies. Twin:
/// <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.Identity.html">torch.nn.Identity</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Identity<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = x";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY";

    /// <inheritdoc/>
    public override string ToString() => "Identity()";

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass) => x;

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY) => dY;
}

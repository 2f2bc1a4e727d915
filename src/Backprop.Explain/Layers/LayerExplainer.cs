using System.Numerics;

namespace Backprop.Explain;

/// <summary>Says how the numbers of a kind of layer come about. The library's own layers are explained by such, in the same way as those that others write.</summary>
/// <remarks>None is needed: for a layer that none explains, the local derivatives are found by its own backward pass. With one it reads like the mathematics.</remarks>
/// <example><code>
/// public sealed class SquareExplainer&lt;T&gt; : LayerExplainer&lt;T&gt; where T : unmanaged, IFloatingPointIeee754&lt;T&gt;
/// {
///     public override bool Explains(Layer&lt;T&gt; layer) => layer is Square&lt;T&gt;;
///
///     // y = x², dX = dY 2 x
///     public override void Explain(Place&lt;T&gt; at) => at.Elementwise(x => x * x, (x, y) => 2 * x);
/// }
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Whether it explains a layer.</summary>
    /// <param name="layer">The layer.</param>
    public abstract bool Explains(Layer<T> layer);

    /// <summary>Gives a rule for the layer's output, for dL/dX, and for the gradient of each of its parameters. What is left out is found by the layer's own backward pass.</summary>
    /// <param name="at">The place of the layer in the network.</param>
    public abstract void Explain(Place<T> at);
}

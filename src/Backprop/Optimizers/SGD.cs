using System.Numerics;
using Backprop.Kernels;

namespace Backprop;

/// <summary>Gradient descent: θ -= learningRate * dL/dθ.</summary>
/// <remarks>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html">torch.optim.SGD</see>.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="parameters">The parameters to move, at least one, none twice.</param>
/// <param name="learningRate">The learning rate, finite and not negative.</param>
public sealed class SGD<T>(IEnumerable<Parameter<T>> parameters, double learningRate) : Optimizer<T>(parameters, learningRate)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override void Step()
    {
        var rate = Element.From<T>(LearningRate);
        foreach (var parameter in Parameters)
        {
            Span<T> p = parameter.Values, g = parameter.Gradients;
            for (var i = 0; i < p.Length; i++) p[i] -= rate * g[i];
        }
    }
}

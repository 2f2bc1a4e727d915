using System.Numerics;

namespace Backprop;

/// <summary>Parameters that <see cref="AdamW{T}"/> moves, and its hyperparameters for them: Adam's, but for the weight decay.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class AdamWGroup<T> : AdamGroup<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Takes the parameters; the hyperparameters have PyTorch's defaults.</summary>
    /// <param name="parameters">The parameters, at least one, none twice.</param>
    public AdamWGroup(IEnumerable<Parameter<T>> parameters) : base(parameters) => (WeightDecay, WeightDecayMode) = (1e-2, WeightDecayMode.Decoupled);
}

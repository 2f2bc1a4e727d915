using System.Numerics;
using TorchSharp;
using static TorchSharp.torch.nn;

namespace Backprop.Benchmarks;

internal static class TorchModel
{
    /// <summary>A TorchSharp model of the same layers with the same weights.</summary>
    public static TorchSharp.Modules.Sequential From<T>(Sequential<T> model) where T : unmanaged, IFloatingPointIeee754<T> =>
        Sequential([.. model.Select(From)]);

    private static Module<torch.Tensor, torch.Tensor> From<T>(Layer<T> layer) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (layer is not Linear<T> ours) return Sigmoid();
        var linear = Linear(ours.InFeatures, ours.OutFeatures, dtype: Data.TypeOf<T>());
        using var mode = torch.no_grad();
        using var weight = Data.Tensor(ours.Weight.Value);
        using var bias = Data.Tensor(ours.Bias!.Values.ToArray(), ours.OutFeatures);
        linear.weight!.copy_(weight);
        linear.bias!.copy_(bias);
        return linear;
    }
}

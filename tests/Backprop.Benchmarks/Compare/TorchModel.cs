using System.Numerics;
using Backprop.Torch;
using TorchSharp;
using static TorchSharp.torch.nn;

namespace Backprop.Benchmarks;

internal static class TorchModel
{
    /// <summary>The torch type of <typeparamref name="T"/>.</summary>
    public static torch.ScalarType TypeOf<T>() => typeof(T) == typeof(float) ? torch.ScalarType.Float32 : torch.ScalarType.Float64;

    /// <summary>A TorchSharp model of the same layers with the same weights.</summary>
    public static TorchSharp.Modules.Sequential From<T>(Sequential<T> model) where T : unmanaged, IFloatingPointIeee754<T> =>
        Sequential([.. model.Select(From)]);

    private static Module<torch.Tensor, torch.Tensor> From<T>(Layer<T> layer) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (layer is not Linear<T> ours) return Sigmoid();
        var linear = Linear(ours.InFeatures, ours.OutFeatures, dtype: TypeOf<T>());
        using var mode = torch.no_grad();
        using torch.Tensor weight = ours.Weight.Value.ToTensor(), bias = ours.Bias!.Value.ToTensor();
        linear.weight!.copy_(weight);
        linear.bias!.copy_(bias);
        return linear;
    }
}

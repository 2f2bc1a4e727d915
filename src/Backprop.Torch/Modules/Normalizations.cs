using static TorchSharp.torch;

namespace Backprop.Torch;

/// <summary>Modules of normalisations.</summary>
internal static class Normalizations
{
    public static IEnumerable<ModuleMaker<T>> Makers<T>() where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
    [
        TorchModules.For<T, LayerNorm<T>>((builder, layer) => nn.LayerNorm(layer.NormalizedShape, layer.Epsilon, layer.Weight is not null, layer.Bias is not null, builder.Device, builder.Type)),
        // y = x w / sqrt(mean(x²) + eps)
        TorchModules.For<T, RMSNorm<T>>((layer, module, x) =>
        {
            var y = x * ((x * x).mean([1], keepdim: true) + layer.Epsilon).rsqrt();
            return module.Find("weight") is { } weight ? y * weight : y;
        }),
        TorchModules.For<T, BatchNorm1d<T>>((builder, layer) => IsFrozen(layer.RunningMean, layer.Weight, layer.Bias) ? builder.Make(layer, (module, x) => OfBatch(layer, module, x)) : BatchNorm1d(builder, layer)),
        TorchModules.For<T, BatchNorm2d<T>>((layer, module, x) => OfBatch(layer, module, Images.Of(x, layer.InputShape)).reshape(x.shape)),
        TorchModules.For<T, GroupNorm<T>>((layer, module, x) => nn.functional.group_norm(Images.Of(x, layer.InputShape), layer.NumGroups, module.Find("weight")!, module.Find("bias")!, layer.Epsilon).reshape(x.shape)),
        TorchModules.For<T, InstanceNorm2d<T>>(InstanceNorm2d),
    ];

    private static TorchSharp.Modules.BatchNorm1d BatchNorm1d<T>(ModuleBuilder<T> builder, BatchNorm1d<T> layer) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var module = nn.BatchNorm1d(layer.NumFeatures, layer.Epsilon, layer.Momentum ?? 0, layer.Weight is not null, layer.RunningMean is not null, builder.Device, builder.Type);
        module.momentum = layer.Momentum;       // null is the mean over all batches, which the constructor cannot be told
        return module;
    }

    // Over the batch in training, by the running statistics else
    private static Tensor OfBatch<T>(BatchNorm<T> layer, LayerModule module, Tensor x) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var (mean, variance, own) = Statistics(module, layer.RunningMean, IsFrozen(layer.RunningMean, layer.Weight, layer.Bias), layer.Momentum, out var momentum);
        return nn.functional.batch_norm(x, mean!, variance!, module.Find("weight")!, module.Find("bias")!, own, momentum, layer.Epsilon);
    }

    // Over each image in training, by the running statistics else, where there are such
    private static Tensor InstanceNorm2d<T>(InstanceNorm2d<T> layer, LayerModule module, Tensor x) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var (mean, variance, own) = Statistics(module, layer.RunningMean, IsFrozen(layer.RunningMean, layer.Weight, layer.Bias), layer.Momentum, out var momentum);
        return nn.functional.instance_norm(Images.Of(x, layer.InputShape), mean!, variance!, module.Find("weight")!, module.Find("bias")!, own, momentum, layer.Epsilon).reshape(x.shape);
    }

    /// <summary>Running statistics, and whether the batch's own are taken, which move them.</summary>
    private static (Tensor? Mean, Tensor? Variance, bool Own) Statistics<T>(LayerModule module, VectorBuffer<T>? running, bool frozen, double? share, out double momentum)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        momentum = share ?? 0;
        if (running is null) return (null, null, true);
        var own = module.training && !frozen;
        if (own)
        {
            var batches = module["num_batches_tracked"].add_(1);
            momentum = share ?? 1 / batches.to(float64).item<double>();
        }

        return (module["running_mean"], module["running_var"], own);
    }

    // As here: by its buffers, or by both parameters.
    private static bool IsFrozen<T>(Buffer<T>? running, Parameter<T>? weight, Parameter<T>? bias) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        running is { Frozen: true } || (running is not null && weight is { Frozen: true } && bias is { Frozen: true });
}

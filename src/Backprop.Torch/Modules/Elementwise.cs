using static TorchSharp.torch;
using Approximate = TorchSharp.Modules.GELU.Approximate;

namespace Backprop.Torch;

/// <summary>Modules of activations: TorchSharp's own, but for one.</summary>
internal static class Elementwise
{
    public static IEnumerable<ModuleMaker<T>> Makers<T>() where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
    [
        TorchModules.For<T, CELU<T>>((builder, layer) => nn.CELU(layer.Alpha)),
        TorchModules.For<T, ELU<T>>((builder, layer) => nn.ELU(layer.Alpha)),
        TorchModules.For<T, GELU<T>>((builder, layer) => nn.GELU(layer.Approximate == GELUApproximation.Tanh ? Approximate.tanh : Approximate.none)),
        TorchModules.For<T, Hardshrink<T>>((builder, layer) => nn.Hardshrink(layer.Lambda)),
        TorchModules.For<T, Hardsigmoid<T>>((builder, layer) => nn.Hardsigmoid()),
        TorchModules.For<T, Hardswish<T>>((builder, layer) => nn.Hardswish()),
        // TorchSharp 0.107's own lets everything through.
        TorchModules.For<T, Hardtanh<T>>((layer, module, x) => where((x > layer.MinVal).logical_and(x < layer.MaxVal), x, x.detach().clamp(layer.MinVal, layer.MaxVal))),
        TorchModules.For<T, LeakyReLU<T>>((builder, layer) => nn.LeakyReLU(layer.NegativeSlope)),
        TorchModules.For<T, LogSigmoid<T>>((builder, layer) => nn.LogSigmoid()),
        TorchModules.For<T, LogSoftmax<T>>((builder, layer) => nn.LogSoftmax(1)),
        TorchModules.For<T, Mish<T>>((builder, layer) => nn.Mish()),
        TorchModules.For<T, PReLU<T>>((builder, layer) => nn.PReLU(layer.NumParameters, device: builder.Device, dtype: builder.Type)),
        TorchModules.For<T, ReLU<T>>((builder, layer) => nn.ReLU()),
        TorchModules.For<T, ReLU6<T>>((builder, layer) => nn.ReLU6()),
        TorchModules.For<T, SELU<T>>((builder, layer) => nn.SELU()),
        TorchModules.For<T, SiLU<T>>((builder, layer) => nn.SiLU()),
        TorchModules.For<T, Sigmoid<T>>((builder, layer) => nn.Sigmoid()),
        TorchModules.For<T, Softmax<T>>((builder, layer) => nn.Softmax(1)),
        TorchModules.For<T, Softplus<T>>((builder, layer) => nn.Softplus(layer.Beta, layer.Threshold)),
        TorchModules.For<T, Softshrink<T>>((builder, layer) => nn.Softshrink(layer.Lambda)),
        TorchModules.For<T, Softsign<T>>((builder, layer) => nn.Softsign()),
        TorchModules.For<T, Tanh<T>>((builder, layer) => nn.Tanh()),
        TorchModules.For<T, Tanhshrink<T>>((builder, layer) => nn.Tanhshrink()),
    ];
}

using static TorchSharp.torch;

namespace Backprop.Torch;

/// <summary>Modules of layers that are a product, and of those that look up rows.</summary>
internal static class Dense
{
    public static IEnumerable<ModuleMaker<T>> Makers<T>() where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
    [
        TorchModules.For<T, Linear<T>>((builder, layer) => builder.IsShared(layer.Weight) || (layer.Bias is { } bias && builder.IsShared(bias))
            ? builder.Make(layer, (module, x) => nn.functional.linear(x, module["weight"], module.Find("bias")!))
            : nn.Linear(layer.InFeatures, layer.OutFeatures, layer.Bias is not null, builder.Device, builder.Type)),
        TorchModules.For<T, Embedding<T>>(Embedding),
    ];

    // y = W[x], the columns of a row side by side; the padding's row gets no gradient
    private static Tensor Embedding<T>(Embedding<T> layer, LayerModule module, Tensor x) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var places = x.to(int64).reshape(-1);
        var rows = module["weight"].index_select(0, places);
        if (layer.PaddingIdx is int padding) rows = where(places.eq(padding).unsqueeze(1), rows.detach(), rows);
        return rows.reshape(x.shape[0], x.shape[1] * layer.EmbeddingDim);
    }
}

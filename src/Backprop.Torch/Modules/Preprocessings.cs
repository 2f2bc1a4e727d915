using static TorchSharp.torch;

namespace Backprop.Torch;

/// <summary>Modules of preprocessing, as it was fitted.</summary>
internal static class Preprocessings
{
    public static IEnumerable<ModuleMaker<T>> Makers<T>() where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
    [
        // y = (x - mean) / std
        Fitted<T, Standardize<T>>((layer, module, x) => (x - module["mean"]) / module["std"]),
        Fitted<T, MinMaxScale<T>>(MinMaxScale),
        Fitted<T, Impute<T>>(Impute),
        TorchModules.For<T, OneHot<T>>(OneHot),
    ];

    private static ModuleMaker<T> Fitted<T, TLayer>(Func<TLayer, LayerModule, Tensor, Tensor> forward) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> where TLayer : Preprocessing<T> =>
        TorchModules.For<T, TLayer>((builder, layer) => layer.IsFitted ? builder.Make(layer, (module, x) => forward(layer, module, x))
            : throw new InvalidOperationException($"{layer} expects to be fitted before it becomes a module, but is not: call Fit or FitPreprocessing with training samples, or Load a file."));

    // y = a + (b - a) (x - min) / (max - min), where max - min is 1 for a column that never changes
    private static Tensor MinMaxScale<T>(MinMaxScale<T> layer, LayerModule module, Tensor x) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var (min, max) = (module["data_min"], module["data_max"]);
        var range = max - min;
        var share = (x - min) / where(range.eq(0), ones_like(range), range);
        return layer is { Min: 0, Max: 1 } ? share : share * (layer.Max - layer.Min) + layer.Min;
    }

    // y = x is NaN ? fill : x, and beside it 1 where x is NaN
    private static Tensor Impute<T>(Impute<T> layer, LayerModule module, Tensor x) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var gaps = x.isnan();
        var filled = where(gaps, module["fill"], x);
        return layer.AddIndicator ? cat([filled, gaps.to(x.dtype)], 1) : filled;
    }

    // y_k = [x = k] in columns of classes, y = x in others
    private static Tensor OneHot<T>(OneHot<T> layer, LayerModule module, Tensor x) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        cat([.. layer.Classes.Select((classes, column) =>
        {
            var value = x.narrow(1, column, 1);
            return classes == 0 ? value : value.eq(arange(classes, x.dtype, x.device)).to(x.dtype);
        })], 1);
}

using System.Numerics;

namespace Backprop.Explain;

/// <summary>A word for a layer.</summary>
/// <param name="Name">The word.</param>
/// <param name="Settings">Its settings.</param>
/// <param name="Make">Makes the layer for so many columns.</param>
/// <param name="Parameters">How many numbers it will learn or keep; null for none.</param>
/// <param name="IsActivation">Whether it may stand between the layers of the short form.</param>
/// <param name="Container">Makes it of the layers within it; null where it has none.</param>
internal sealed record LayerWord<T>(
    string Name, Setting[] Settings, Func<Item, int, Generator, Layer<T>> Make, Func<Item, int, long>? Parameters = null, bool IsActivation = false, Func<List<(string? Name, Layer<T> Layer)>, Layer<T>>? Container = null)
    : Word(Name, Settings, Container is not null) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The layer as it may stand behind so many columns.</summary>
    public string Example(int columns) => Name switch
    {
        "linear" => "linear(4)",
        "embedding" => "embedding(10, 2)",
        "columns" => "columns(0, 1)",
        "onehot" => $"onehot([{string.Join(", ", Enumerable.Repeat("0", columns))}])",
        "residual" => $"residual(linear({Signature.Number(columns)}) tanh)",
        "concat" => "concat(identity tanh)",
        "sum" => "sum(identity tanh)",
        "sequential" => "sequential(tanh)",
        "conv1d" => "conv1d(1, 2, 1)",
        "conv2d" or "convtranspose2d" => $"{Name}(1, 1, 2, 1)",
        "maxpool2d" or "avgpool2d" or "zeropad2d" => $"{Name}(1, 1, 1)",
        "adaptiveavgpool2d" or "upsample" => $"{Name}(1, 1, 2, 2)",
        "batchnorm2d" => "batchnorm2d(1, 1)",
        "groupnorm" => "groupnorm(1, 1, 1)",
        "instancenorm2d" => $"instancenorm2d(1, {Signature.Number(columns)})",
        "dropout2d" => "dropout2d(1)",
        "rnn" or "gru" or "lstm" => $"{Name}(4, 1)",
        "laststep" or "meanovertime" or "maxovertime" or "tosteps" or "torows" or "positionalembedding" or "sinusoidalpositions" => $"{Name}(1)",
        "multiheadattention" => "multiheadattention(1, 1)",
        "scaleddotproductattention" => "sequential(linear(6) scaleddotproductattention(1, 1))",
        "transformerencoderlayer" => "transformerencoderlayer(1, 1, 8)",
        _ => Name,
    };
}

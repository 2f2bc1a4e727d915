using System.Numerics;

namespace Backprop.Onnx;

/// <summary>How a network is exported.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed record OnnxOptions<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The version of ONNX's operators, from <see cref="OnnxOpset.Oldest"/> to <see cref="OnnxOpset.Newest"/>.</summary>
    public int Opset { get; init; } = OnnxOpset.Usual;

    /// <summary>What the input is called.</summary>
    public string InputName { get; init; } = "x";

    /// <summary>What the output is called.</summary>
    public string OutputName { get; init; } = "y";

    /// <summary>What the graph is called.</summary>
    public string GraphName { get; init; } = "network";

    /// <summary>What else the file says of itself, beside <c>formula</c> and <c>layers</c>, which are the network's.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>Who writes your own layers; asked before those of the library. See <see cref="Exporters.For{T, TLayer}"/>.</summary>
    public IReadOnlyList<LayerExporter<T>> Exporters { get; init; } = [];
}

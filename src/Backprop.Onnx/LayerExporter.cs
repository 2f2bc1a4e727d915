using System.Numerics;

namespace Backprop.Onnx;

/// <summary>Writes a kind of layer as nodes of an ONNX graph. The library's own layers are written by such, in the same way as those that others write.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class LayerExporter<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Whether it writes a layer.</summary>
    /// <param name="layer">The layer.</param>
    public abstract bool Exports(Layer<T> layer);

    /// <summary>Adds what the layer computes in evaluation mode to the graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="x">What it is given: (rows x <see cref="OnnxValue.Columns"/>), with as many rows as come.</param>
    /// <returns>What it gives: (<see cref="Layer{T}.OutputRows"/> x <see cref="Layer{T}.OutputColumns"/>).</returns>
    public abstract OnnxValue Export(OnnxGraph<T> graph, Layer<T> layer, OnnxValue x);
}

using System.Numerics;

namespace Backprop.Onnx;

/// <summary>Reads networks from ONNX files whose graph is a chain of layers, as PyTorch's and scikit-learn's exporters write small ones, so that they can be served, looked at and trained on.</summary>
/// <remarks>
/// <para>Taken are Gemm, MatMul with Add, Conv and MaxPool, AveragePool and GlobalAveragePool of images and signals, BatchNormalization, LayerNormalization, activations, Softmax and LogSoftmax, Dropout, what only changes shapes, and what subtracts and
/// divides as a scaler does. The first node that is none of these, or that is not used in a chain, is named.</para>
/// <para>A layer is called as in PyTorch, where the file tells: <c>net.0.weight</c> becomes the layer <c>0</c> in <c>net</c>; else by its number. So a file of weights of the same network fits.</para>
/// </remarks>
/// <example><code>
/// var network = OnnxImport.Load&lt;float&gt;("model.onnx");
/// </code></example>
public static class OnnxImport
{
    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="output">Which of the graph's outputs to read the chain to; needed where there are several.</param>
    /// <param name="inputShape">The size of images, where the file does not say it.</param>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>: what the network computes in, whatever the file does.</typeparam>
    /// <returns>A network with the file's weights. It takes matrices: a row is a sample, an image is a row of channels x height x width.</returns>
    /// <exception cref="InvalidDataException">It is no ONNX file, or a damaged one.</exception>
    /// <exception cref="NotSupportedException">The graph is no chain of layers of this library; the message names the first node that is not taken. Or the file has external data, or operators of an unknown version, or asks for more numbers than are in
    /// proportion to its bytes: 2^20, and four for each byte.</exception>
    /// <exception cref="ArgumentException">The graph has several outputs and none is named, or another one.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    public static Sequential<T> Load<T>(string path, string? output = null, ImageShape? inputShape = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var stream = File.OpenRead(path);
        return Load<T>(stream, output, inputShape);
    }

    /// <summary>Reads a stream to its end.</summary>
    /// <param name="stream">The file; it stays open.</param>
    /// <param name="output">Which of the graph's outputs to read the chain to; needed where there are several.</param>
    /// <param name="inputShape">The size of images, where the file does not say it.</param>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>: what the network computes in, whatever the file does.</typeparam>
    /// <inheritdoc cref="Load{T}(string, string?, ImageShape?)" path="/returns"/>
    /// <inheritdoc cref="Load{T}(string, string?, ImageShape?)" path="/exception"/>
    public static Sequential<T> Load<T>(Stream stream, string? output = null, ImageShape? inputShape = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(stream);
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        return new Chain<T>(Reader.Read(memory.GetBuffer().AsSpan(0, (int)memory.Length)), memory.Length, output, inputShape).Read();
    }
}

using System.Numerics;
using System.Reflection;

namespace Backprop.Onnx;

/// <summary>Writes networks as ONNX files, to be served anywhere.</summary>
public static class OnnxExport
{
    /// <summary>Writes what a network computes in evaluation mode to a file, which is replaced as a whole or not at all.</summary>
    /// <remarks>
    /// <para>The file takes what <see cref="Layer{T}.Forward(MathNet.Numerics.LinearAlgebra.Matrix{T})"/> takes and gives what it gives: a matrix, row after row, with as many rows as come. An image is a row; a sequence
    /// is so many rows. Weights have the names and shapes that they have in files of <see cref="ModelFile"/>. The bytes are read and checked here before any of them is written.</para>
    /// <para>Layers that draw are what they are in evaluation mode. Lengths of sequences are not part of the file: each has all its steps.</para>
    /// </remarks>
    /// <example><code>
    /// model.ExportOnnx("model.onnx");
    /// new Sequential&lt;float&gt; { new ReLU&lt;float&gt;() }.ExportOnnx("relu.onnx", inputColumns: 3, new() { Opset = 17 });
    /// </code></example>
    /// <param name="model">The network; it is not changed.</param>
    /// <param name="path">The file.</param>
    /// <param name="inputColumns">Columns of the input; needed where the network takes any.</param>
    /// <param name="options">Versions, names, metadata, and who writes your own layers.</param>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>: what the file computes in.</typeparam>
    /// <exception cref="ArgumentException">The network takes another number of columns, or none is known; a name is taken; or the options do not fit.</exception>
    /// <exception cref="NotSupportedException">A layer cannot be written; the message says which. Or the file would be larger than 2 GB.</exception>
    /// <exception cref="InvalidOperationException">A preprocessing layer is not fitted, or an exporter's nodes do not fit together.</exception>
    /// <exception cref="IOException">The file could not be written; what was there before still is.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public static void ExportOnnx<T>(this Layer<T> model, string path, int? inputColumns = null, OnnxOptions<T>? options = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var bytes = ToOnnx(model, inputColumns, options);
        AtomicFile.Write(path, stream => stream.Write(bytes));
    }

    /// <summary>Writes what a network computes in evaluation mode to a stream.</summary>
    /// <param name="model">The network; it is not changed.</param>
    /// <param name="stream">Where to, from its position on; it stays open. Nothing is written where anything is refused.</param>
    /// <param name="inputColumns">Columns of the input; needed where the network takes any.</param>
    /// <param name="options">Versions, names, metadata, and who writes your own layers.</param>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>: what the file computes in.</typeparam>
    /// <inheritdoc cref="ExportOnnx{T}(Layer{T}, string, int?, OnnxOptions{T}?)" path="/exception"/>
    /// <inheritdoc cref="ExportOnnx{T}(Layer{T}, string, int?, OnnxOptions{T}?)" path="/remarks"/>
    public static void ExportOnnx<T>(this Layer<T> model, Stream stream, int? inputColumns = null, OnnxOptions<T>? options = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(ToOnnx(model, inputColumns, options));
    }

    /// <summary>The bytes of an ONNX file of what a network computes in evaluation mode; what ONNX Runtime's <c>InferenceSession</c> takes as well.</summary>
    /// <param name="model">The network; it is not changed.</param>
    /// <param name="inputColumns">Columns of the input; needed where the network takes any.</param>
    /// <param name="options">Versions, names, metadata, and who writes your own layers.</param>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>: what the file computes in.</typeparam>
    /// <inheritdoc cref="ExportOnnx{T}(Layer{T}, string, int?, OnnxOptions{T}?)" path="/exception"/>
    /// <inheritdoc cref="ExportOnnx{T}(Layer{T}, string, int?, OnnxOptions{T}?)" path="/remarks"/>
    public static byte[] ToOnnx<T>(this Layer<T> model, int? inputColumns = null, OnnxOptions<T>? options = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new();
        if (options.Opset is < OnnxOpset.Oldest or > OnnxOpset.Newest)
            throw new ArgumentException(FormattableString.Invariant($"The export to ONNX expects an opset from {OnnxOpset.Oldest} to {OnnxOpset.Newest}, but it is {options.Opset}."), nameof(options));
        ArgumentException.ThrowIfNullOrEmpty(options.InputName, nameof(options));
        ArgumentException.ThrowIfNullOrEmpty(options.OutputName, nameof(options));
        ArgumentNullException.ThrowIfNull(options.Exporters, nameof(options));
        ArgumentNullException.ThrowIfNull(options.Metadata, nameof(options));
        if (options.Exporters.Contains(null!)) throw new ArgumentException("One of the Exporters is null.", nameof(options));
        if (inputColumns < 1) throw new ArgumentOutOfRangeException(nameof(inputColumns), FormattableString.Invariant($"{model} cannot be given {inputColumns} columns."));
        var columns = inputColumns ?? model.InputColumns ?? throw new ArgumentException($"{model} takes any number of columns: the export to ONNX expects inputColumns to say how many.", nameof(inputColumns));

        var bytes = Writer.ToBytes(ModelOf(model, columns, options));
        try
        {
            Reader.Read(bytes);
        }
        catch (InvalidDataException flaw)
        {
            throw new InvalidOperationException($"What the exporters wrote for {model} does not fit together. {flaw.Message}", flaw);
        }

        return bytes;
    }

    private static Model ModelOf<T>(Layer<T> model, int columns, OnnxOptions<T> options) where T : unmanaged, IFloatingPointIeee754<T>
    {
        // Asks each layer by its name whether the columns fit.
        var given = new NamedLayer<T>(options.GraphName, model).OutputColumns(columns);
        var graph = new OnnxGraph<T>(model, options);
        var y = graph.Export(model, new(options.InputName, columns));
        Name(graph, y.Name, options);
        var rows = graph.KeepsRows ? "rows" : "output_rows";
        graph.Graph.Inputs.Add(new(options.InputName, OnnxGraph<T>.Type, ["rows", Signature.Number(columns)]));
        graph.Graph.Outputs.Add(new(options.OutputName, OnnxGraph<T>.Type, [rows, Signature.Number(given)]));
        var file = new Model(graph.Graph)
        {
            Format = OnnxOpset.FormatOf(options.Opset),
            Opset = options.Opset,
            Producer = "Backprop",
            ProducerVersion = typeof(OnnxExport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "",
        };
        file.Metadata.Add(new("layers", model.ToString()));
        file.Metadata.Add(new("formula", string.Join('\n', Formulas(model, "", []))));
        file.Metadata.AddRange(options.Metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal));
        return file;
    }

    /// <summary>What each layer that holds no others computes, once, by its name.</summary>
    private static IEnumerable<string> Formulas<T>(Layer<T> layer, string path, HashSet<Layer<T>> said) where T : unmanaged, IFloatingPointIeee754<T> => !said.Add(layer) ? []
        : layer is { Children.Count: 0, Formula.Length: > 0 } ? [path.Length == 0 ? layer.Formula : $"{path}: {layer.Formula}"]
        : layer.Children.SelectMany(child => Formulas(child.Layer, path.Length == 0 ? child.Name : $"{path}.{child.Name}", said));

    /// <summary>Gives the last value the output's name; what is the input itself, or a weight, is passed on by a node.</summary>
    private static void Name<T>(OnnxGraph<T> graph, string last, OnnxOptions<T> options) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (!graph.Graph.Nodes.Exists(node => node.Outputs.Contains(last))) last = graph.Node("Identity", new OnnxValue(last)).Name;
        foreach (var node in graph.Graph.Nodes)
        {
            Rename(node.Inputs);
            Rename(node.Outputs);
        }

        void Rename(List<string> names)
        {
            for (var i = 0; i < names.Count; i++)
                if (names[i] == last) names[i] = options.OutputName;
        }
    }
}
